// Starts a pool of one worker thread, or says why there is none and what helps. Used by worker-thread.ts.
import type { WorkerData } from '@offthread/worker/protocol';
import type { Piscina } from 'piscina';
import { version } from '../version.js';

// The build puts piscina here, and evaluates it with the first call: with the first event, not with the package.
declare const require: (name: 'piscina') => typeof import('piscina');

/** A thread cannot be started; the message names the remedy. */
export class StartError extends Error {
  constructor(cause: unknown) {
    const [reason = ''] = (cause instanceof Error ? cause.message : 'it ended before it was up').split('\n');
    super(`The worker thread cannot be started: ${reason.replace(/\.$/, '')}.${remedyFor(cause)}`, { cause });
  }
}

/**
 * @param health memory in which the thread says that it ends.
 * @throws {StartError}
 */
export function startWorker(health: SharedArrayBuffer): Piscina {
  try {
    const { Piscina } = require('piscina');
    return new Piscina({
      // No file: the thread runs a text that the build puts into piscina, with @offthread/worker in it. So nothing is looked
      // up at run time, and the SDK works in any bundle. See build/piscina.mjs.
      filename: 'offthread',
      name: 'start',
      workerData: { health, version } satisfies WorkerData,
      minThreads: 1,
      maxThreads: 1,
      // Going into service is the only task there is, and a short one.
      concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
      // Otherwise the worker's event loop stands still between tasks.
      atomics: 'disabled',
      // What is preloaded into the host (--require, --import) is none of the worker's business.
      execArgv: [],
      // NODE_DEBUG=http would print the Authorization header, and NODE_DEBUG=worker what stands here. What Node.js reads when
      // the process starts, like NODE_EXTRA_CA_CERTS, holds for all threads; for the rest see read-network-defaults.ts.
      env: {},
      recordTiming: false,
      // By default a burst of requests may fill 48 MB with garbage before it is collected. The thread reads events in
      // place, so an event leaves little garbage: with this limit it uses 4 % more CPU, and each of a thousand clients
      // that send at once uses a quarter to a half less memory.
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
