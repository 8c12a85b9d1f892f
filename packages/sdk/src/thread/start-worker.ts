// Starts the worker thread with piscina, as a pool of one thread, or says why it can't and what to do about it. Used by
// worker-thread.ts.
import type { StartMessage, WorkerData } from '@offthread/worker/protocol';
import type { Piscina } from 'piscina';
import { version } from '../version.js';

// The build bundles piscina here, and evaluates it on the first call: with the first event, not when the package loads.
declare const require: (name: 'piscina') => typeof import('piscina');

/** The worker thread can't be started. The message names the remedy. */
export class StartError extends Error {
  constructor(cause: unknown) {
    const [reason = ''] = (cause instanceof Error ? cause.message : 'it ended before it was ready').split(
      '\n',
    );
    super(`The worker thread cannot be started: ${reason.replace(/\.$/, '')}.${remedyFor(cause)}`, { cause });
  }
}

/**
 * Starts a thread. Returns a function that ends it.
 *
 * @param onEnd is called, perhaps more than once, when the thread has ended, with the exception that ended it.
 * @throws {StartError}
 */
export function startWorker(message: StartMessage, onEnd: (cause?: unknown) => void): () => Promise<void> {
  const pool = createPool(message.health);
  // Without a listener for 'error', an exception in the worker would end the host process.
  pool.on('error', () => onEnd());
  for (const worker of pool.threads) {
    // Before the pool's own listeners, which start a replacement and don't pass the reason on.
    worker.prependListener('error', (error) => onEnd(error));
    worker.prependListener('exit', () => onEnd());
  }
  pool.run(message, { name: 'start', transferList: [message.port] }).catch((error: unknown) => onEnd(error));
  return () => pool.destroy().catch(() => {});
}

function createPool(health: SharedArrayBuffer): Piscina {
  try {
    const { Piscina } = require('piscina');
    return new Piscina({
      // Not a file: the thread runs source text that the build puts into piscina, with @offthread/worker in it. So
      // nothing is resolved at run time, and the SDK works in any bundle. See build/piscina.mjs.
      filename: 'offthread',
      name: 'start',
      workerData: { health, version } satisfies WorkerData,
      minThreads: 1,
      maxThreads: 1,
      // The only task starts the worker, and is short.
      concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
      // Otherwise the worker's event loop is blocked between tasks.
      atomics: 'disabled',
      // Modules preloaded into the host (--require, --import) must not be loaded into the worker.
      execArgv: [],
      // NODE_DEBUG=http would print the Authorization header, and NODE_DEBUG=worker these options. Variables that
      // Node.js reads when the process starts, like NODE_EXTRA_CA_CERTS, apply to all threads. For the others, see
      // read-network-defaults.ts.
      env: {},
      recordTiming: false,
      // By default, a burst of requests may fill 48 MB with garbage before it is collected. The thread reads events in
      // place, so an event leaves little garbage. With this limit it uses 4 % more CPU, and each of a thousand clients
      // that send at the same time uses a quarter to a half less memory.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
  } catch (error) {
    throw new StartError(error);
  }
}

function remedyFor(cause: unknown): string {
  const isDenied = cause instanceof Error && 'code' in cause && cause.code === 'ERR_ACCESS_DENIED';
  return isDenied ? " Under Node's permission model, start it with --allow-worker." : '';
}
