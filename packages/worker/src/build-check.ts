// Compares the version of this program with that of the main thread: both are of one build, and what crosses the port has no
// version of its own. Loaded behind lifecycle.ts, which leaves main the message. Used by index.ts.
import { workerData } from 'node:worker_threads';
import type { WorkerData } from './protocol.js';

/** The version of the SDK that carries this program. The build puts it in. */
declare const OFFTHREAD_VERSION: string;

const data: Partial<WorkerData> | null = workerData;
if (data?.health instanceof SharedArrayBuffer && data.version !== OFFTHREAD_VERSION) {
  throw new Error(`its program is of version ${OFFTHREAD_VERSION}, and the SDK of ${data.version}`);
}
