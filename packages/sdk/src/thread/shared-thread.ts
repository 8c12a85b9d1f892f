// The worker thread that all clients of a process share: starts it for the first client that needs it, starts another
// one when it has died, and repeats failed starts. Used by worker-transport.ts. Next: worker-thread.ts,
// start-policy.ts.
import { publish } from '../report/diagnostics.js';
import { after, defer, now } from '../runtime/clock.js';
import { inRootContext } from '../runtime/root-context.js';
import { version } from '../version.js';
import { type FailedStarts, judgeStart, type StartFault } from './start-policy.js';
import { StartError } from './start-worker.js';
import { MAX_SILENCE_MS } from './thread-health.js';
import { type ThreadClient, type ThreadEnd, WorkerThread } from './worker-thread.js';

/** For this many milliseconds after starts have failed for good, no new start is made. */
const START_AGAIN_MS = 60_000;

/** The state that all copies of this version share in a process. Each version has its own thread. */
interface Shared {
  thread: WorkerThread | undefined;
  failure: { readonly error: StartError; readonly until: number } | undefined;
  /** Failed starts since the last successful one, and when the next one may be made, on the clock of `now()`. */
  failed: FailedStarts & { readonly error?: StartError; readonly again: number };
  /** Clients that wait for the next start. */
  readonly waiting: Set<ThreadClient>;
  /** Milliseconds without a new heartbeat after which a thread counts as dead. */
  maxSilence: number;
  /** Why the last thread died. Unset when a new one has started. */
  lastEnd: { readonly error: unknown } | undefined;
}

const NONE_FAILED = { all: 0, loads: 0, again: 0 } as const;

const KEY = Symbol.for(`@offthread/sdk/thread/${version}`);
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= {
  thread: undefined,
  failure: undefined,
  failed: NONE_FAILED,
  waiting: new Set(),
  maxSilence: MAX_SILENCE_MS,
  lastEnd: undefined,
};
const shared = scope[KEY];

/** Whether a thread runs or starts, so that `acquireThread()` doesn't have to start one. */
export function isThreadUp(): boolean {
  return shared.thread !== undefined;
}

/** Why there is no worker thread at present, while the start is still repeated. */
export function startDelay(): StartError | undefined {
  return shared.failed.error;
}

/** Why no worker thread can be started. Undefined when the next attempt is due. */
export function startFailure(): StartError | undefined {
  const { failure } = shared;
  return failure !== undefined && now() < failure.until ? failure.error : undefined;
}

/**
 * Returns the thread, and starts it if needed. Returns undefined if the start failed and will be repeated; `retry()` of
 * the client is called then.
 *
 * @throws {StartError} if no worker thread can be started.
 */
export function acquireThread(client: ThreadClient): WorkerThread | undefined {
  const failure = startFailure();
  if (failure !== undefined) throw failure;
  if (shared.thread === undefined) {
    if (now() >= shared.failed.again) shared.thread = inRootContext(startThread);
    if (shared.thread === undefined) {
      shared.waiting.add(client);
      return undefined;
    }
    const { lastEnd } = shared;
    shared.lastEnd = undefined;
    // Deferred, because a subscriber may flush, and the client isn't set up yet.
    if (lastEnd !== undefined) defer(() => publish('offthread:worker-restarted', () => lastEnd));
  }
  return shared.thread;
}

/** Returns undefined if the start failed and will be repeated. Throws if no further start will be made. */
function startThread(): WorkerThread | undefined {
  try {
    return new WorkerThread(shared, onThreadEnd);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    noteFailedStart('not made', error);
    if (startFailure() !== undefined) throw error;
    return undefined;
  }
}

function onThreadEnd(thread: WorkerThread, end: ThreadEnd): void {
  if (shared.thread === thread) shared.thread = undefined;
  if (end.type === 'died') {
    shared.failure = undefined;
    shared.failed = NONE_FAILED;
    shared.lastEnd = { error: end.cause };
  } else if (end.type === 'not started') noteFailedStart(end.fault, end.error);
}

function noteFailedStart(fault: StartFault, error: StartError): void {
  const { all, loads } = shared.failed;
  const failed = { all: all + 1, loads: fault === 'not up' ? loads + 1 : loads };
  const verdict = judgeStart(fault, error.cause, failed);
  if (verdict.type === 'over') {
    shared.failed = NONE_FAILED;
    shared.failure = { error, until: now() + START_AGAIN_MS };
    // Waiting clients then get the failure.
    defer(wakeWaiting);
    return;
  }
  shared.failed = { ...failed, error, again: now() + verdict.delay };
  after(verdict.delay, wakeWaiting);
}

function wakeWaiting(): void {
  // Reset, because a timer may fire slightly early.
  shared.failed = { ...shared.failed, again: 0 };
  const waiting = [...shared.waiting];
  shared.waiting.clear();
  for (const client of waiting) client.retry();
}
