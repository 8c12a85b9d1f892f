// The end of the process -> a last flush of every client that has events pending. Used by client.ts.
//
// One hook a process and one handler a signal, for all clients and all copies of this package, of any version.
import { now } from '../runtime/clock.js';
import { HostThreads, hostThread, PendingInThread } from './host-threads.js';

/** A client as it looks from here. */
export interface ExitParticipant {
  readonly flushTimeout: number;
  readonly flushOnExit: boolean;
  readonly flushOnSignals: readonly NodeJS.Signals[];
  /** Hands all over to the worker, without waiting for it. */
  startFlush(): void;
  /** Blocks until what was handed over is settled and reported; false if the deadline, by our clock, comes first. */
  finishFlush(deadline: number): boolean;
  /** Does both within `timeout` ms, without blocking. */
  flushAsync(timeout: number): Promise<unknown>;
  /** Lets go of what is still pending, which nobody will send any more, and takes nothing over from now on. */
  abandon(): void;
  /** Holds the process open until the callbacks that are pending have been called, for `flushTimeout` at most. */
  holdForCallbacks(): void;
}

interface Shared {
  /** Clients with events pending. */
  readonly pending: Set<ExitParticipant>;
  /** Handlers, and how many clients want each. The clients themselves are not held: nobody may refer to them any more. */
  readonly signals: Map<NodeJS.Signals, { readonly handler: () => void; clients: number }>;
  /** `'leaving'` while the exit hook runs, `'left'` when it has. */
  stage: 'unhooked' | 'hooked' | 'leaving' | 'left';
  /** When the exit hook began to run, by our clock. */
  start: number;
  /** On the main thread. */
  readonly threads: HostThreads | undefined;
  /** On any other thread of the host. */
  readonly thread: PendingInThread | undefined;
}

// Copies of all versions share this, unlike the worker thread. The one that is loaded first makes it, and its hook and handlers
// call the clients of the others. So while the key stays the same, neither may change:
//
// - the members of `ExitParticipant`, what they do, and that none of them throws. Optional ones may be added, and have to be called with
//   `?.()`, because clients of older versions lack them.
// - the members of `Shared`, their initial values, and the stages. Each copy adds its clients to `pending` and `signals` itself.
// - the clock of `start` and of deadlines: milliseconds of `performance.now()`.
//
// A new key means two hooks and two handlers side by side. Each handler then takes the other one for a listener that ends the
// process in its own time, and no signal ends it: the new version has to leave those of the old key out of account.
const KEY = Symbol.for('@offthread/sdk/exit/3');
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= {
  pending: new Set(),
  signals: new Map(),
  stage: 'unhooked',
  start: 0,
  threads: HostThreads.first(onExitWithoutEvents),
  thread: hostThread && new PendingInThread(hostThread, flushThread),
};
/** What all copies share. */
export const shared = scope[KEY];

/** The client has events pending, from now on until `forget`. */
export function trackPending(client: ExitParticipant): void {
  if (shared.thread !== undefined && client.flushOnExit && !shared.pending.has(client)) {
    shared.thread.add(client.flushTimeout);
  }
  shared.pending.add(client);
  if (shared.stage === 'unhooked') {
    shared.stage = 'hooked';
    // In front, because a listener that throws keeps those behind it from running.
    process.prependListener('exit', onExit);
    process.on('beforeExit', () => {
      for (const each of shared.pending) each.holdForCallbacks();
    });
  }
  // By another listener for 'exit', behind ours.
  if (shared.stage === 'left') flushAtExit();
}

/** The client has nothing pending any more. */
export function untrackPending(client: ExitParticipant): void {
  if (shared.pending.delete(client) && client.flushOnExit) shared.thread?.delete();
}

/** Whether the process is ending and has no time left for what a client with that `flushTimeout` accepts from now on. */
export function isTooLate(flushTimeout: number): boolean {
  return (shared.stage === 'leaving' || shared.stage === 'left') && now() >= shared.start + flushTimeout;
}

function onExit(): void {
  shared.start = now();
  // Some libraries emit 'exit' themselves, and the process may go on.
  if (Reflect.get(process, '_exiting') === false) {
    flushAll(
      [...shared.pending].filter((each) => each.flushOnExit),
      shared.start,
    );
  } else flushAtExit();
}

/** The main thread has had no events of its own, and has no other hook. */
function onExitWithoutEvents(): void {
  if (shared.stage === 'unhooked') onExit();
}

function flushAtExit(): void {
  shared.stage = 'leaving';
  shared.threads?.startFlush();
  // More than one round, because callbacks may add events, to any client. A client that was late once takes none, so
  // that there is an end to it.
  while (shared.pending.size > 0) {
    const clients = [...shared.pending];
    const late = flushAll(
      clients.filter((each) => each.flushOnExit),
      shared.start,
    );
    for (const each of clients) if (!each.flushOnExit || late.includes(each)) each.abandon();
  }
  shared.threads?.finishFlush(shared.start);
  shared.stage = 'left';
}

/** All that this thread has pending, because the main thread ends. */
function flushThread(): Promise<unknown> {
  const clients = [...shared.pending].filter((each) => each.flushOnExit);
  return Promise.all(clients.map((each) => each.flushAsync(each.flushTimeout)));
}

/** All at once: a thousand clients take no longer than the slowest of them. Returns those that are late. */
export function flushAll(clients: readonly ExitParticipant[], start: number): readonly ExitParticipant[] {
  for (const client of clients) client.startFlush();
  return clients.filter((client) => !client.finishFlush(start + client.flushTimeout));
}
