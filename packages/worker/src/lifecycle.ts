// What main reads of a thread that begins or ends, also while main is blocked and no event reaches it. Loaded first, so that
// it speaks for everything that is loaded after it. Used by index.ts.
import { workerData } from 'node:worker_threads';
import { LAST_WORDS, VITAL } from './protocol.js';

if (workerData?.vitals instanceof SharedArrayBuffer) {
  const { vitals } = workerData;
  const words = new Int32Array(vitals);
  Atomics.store(words, VITAL.BEGUN, 1);
  process.on('uncaughtExceptionMonitor', (error) => {
    // Cut off where there is no more room; the rest of the memory is zero.
    Buffer.from(vitals, LAST_WORDS.START, LAST_WORDS.BYTES).write(String(error?.message ?? error));
  });
  process.on('exit', () => {
    Atomics.store(words, VITAL.DEAD, 1);
  });
}
