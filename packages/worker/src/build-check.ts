// Checks that the worker's version is the same as the main thread's. The messages between them have no version of their
// own, so both must come from one build. Loaded after lifecycle.ts, which passes the error message on to main. Used by
// index.ts.
import { workerData } from 'node:worker_threads';
import type { WorkerData } from './protocol.js';

/** The version of the SDK that contains this program. The build defines it. */
declare const OFFTHREAD_VERSION: string;

const data: Partial<WorkerData> | null = workerData;
if (data?.health instanceof SharedArrayBuffer && data.version !== OFFTHREAD_VERSION) {
  throw new Error(`its program has version ${OFFTHREAD_VERSION}, but the SDK has version ${data.version}`);
}
