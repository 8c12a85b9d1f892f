// Nothing -> a pool of one worker thread, or why there can be none and what helps. Used by thread.ts.
import { createRequire } from 'node:module';
import type { Piscina } from 'piscina';

/** A thread cannot be started; the message names the remedy. */
export class StartError extends Error {
  constructor(cause: unknown) {
    // Where a module is missing, the lines behind the first one say who wanted it.
    const [reason] = (cause instanceof Error ? cause.message : 'it ended before it was up').split('\n');
    super(`The worker thread cannot be started: ${reason?.replace(/\.$/, '')}. ${remedyFor(cause)}`, {
      cause,
    });
  }
}

/** @throws {StartError} */
export function startPool(): Piscina {
  try {
    // Loaded with the first event, not with the package; by require, because main may block before an import is done.
    // In here, because a bundler may have left neither the modules nor import.meta.url.
    const require = createRequire(import.meta.url);
    const { Piscina } = require('piscina') as typeof import('piscina');
    return new Piscina({
      filename: require.resolve('@offthread/worker/entry'),
      // piscina looks this handler up when the thread starts. One that it doesn't find by require() it looks for with
      // `new Function`, which --disallow-code-generation-from-strings forbids.
      name: 'start',
      minThreads: 1,
      maxThreads: 1,
      // Going into service is the only task there is, and a short one.
      concurrentTasksPerWorker: Number.MAX_SAFE_INTEGER,
      // Otherwise the worker's event loop stands still between tasks.
      atomics: 'disabled',
      // What is preloaded into the host (--require, --import) is none of the worker's business.
      execArgv: [],
      // NODE_DEBUG=http would print the Authorization header.
      env: { ...process.env, NODE_OPTIONS: '', NODE_DEBUG: '' },
      recordTiming: false,
    });
  } catch (error) {
    throw new StartError(error);
  }
}

function remedyFor(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ERR_ACCESS_DENIED') {
    return "Under Node's permission model start it with --allow-worker, and with --allow-fs-read for node_modules";
  }
  return 'Where a bundler is in use, leave @offthread/sdk, @offthread/worker and piscina external and install them beside the bundle';
}
