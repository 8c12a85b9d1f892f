// What main reads of a thread that begins or ends, also while main is blocked and no event reaches it. Loaded first, so that
// it speaks for everything that is loaded after it. Used by index.ts.
import { workerData } from 'node:worker_threads';
import { EXIT_MESSAGE, HEALTH } from './protocol.js';

if (workerData?.health instanceof SharedArrayBuffer) {
  const { health } = workerData;
  const words = new Int32Array(health);
  Atomics.store(words, HEALTH.BEGUN, 1);
  process.on('uncaughtExceptionMonitor', (error) => {
    // Cut off where there is no more room; the rest of the memory is zero.
    Buffer.from(health, EXIT_MESSAGE.START, EXIT_MESSAGE.BYTES).write(String(error?.message ?? error));
  });
  process.on('exit', () => {
    Atomics.store(words, HEALTH.DEAD, 1);
  });
}
