// Records in shared memory that the thread has started or ended. Main can read it even while it is blocked and receives
// no events. Loaded first, so that it covers everything that is loaded after it. Used by index.ts.
import { workerData } from 'node:worker_threads';
import { EXIT_MESSAGE, HEALTH } from './protocol.js';

if (workerData?.health instanceof SharedArrayBuffer) {
  const { health } = workerData;
  const words = new Int32Array(health);
  Atomics.store(words, HEALTH.BEGUN, 1);
  process.on('uncaughtExceptionMonitor', (error) => {
    // Truncated if it doesn't fit; the rest of the memory is zero.
    Buffer.from(health, EXIT_MESSAGE.START, EXIT_MESSAGE.BYTES).write(String(error?.message ?? error));
  });
  process.on('exit', () => {
    Atomics.store(words, HEALTH.DEAD, 1);
  });
}
