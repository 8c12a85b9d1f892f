// The final flush of all clients with pending events when the process ends. Used by event-acceptor.ts and
// client.ts.
//
// There is one exit hook per process and one handler per signal, shared by all clients and by all copies of this
// package, of any version.
import { now } from '../runtime/clock.js';
import { endProcess } from '../runtime/process-end.js';
import { HostThreads, hostThread, PendingInThread } from './host-threads.js';

/** The part of a client that the final flush needs. */
export interface ExitParticipant {
  readonly flushTimeout: number;
  readonly flushOnExit: boolean;
  readonly flushOnSignals: readonly NodeJS.Signals[];
  /** Hands all pending events over to the worker thread. Doesn't wait for it. */
  startFlush(): void;
  /**
   * Blocks until those events are settled and reported. Returns false if `deadline`, on the clock of `now()`, passes
   * first.
   */
  finishFlush(deadline: number): boolean;
  /** Does the same within `timeout` ms, without blocking. */
  flushAsync(timeout: number): Promise<unknown>;
  /** Drops all pending events, and hands no more over from now on. */
  abandon(): void;
  /** Keeps the process running until all pending callbacks have been called, for at most `flushTimeout`. */
  holdForCallbacks(): void;
}

interface Shared {
  /** Clients with pending events. */
  readonly pending: Set<ExitParticipant>;
  /**
   * Signal handlers, with the number of clients that use each. They don't refer to the clients, which stay collectable.
   */
  readonly signals: Map<NodeJS.Signals, { readonly handler: () => void; clients: number }>;
  /** `'leaving'` while the exit hook runs, `'left'` after it has run. */
  stage: 'unhooked' | 'hooked' | 'leaving' | 'left';
  /** When the exit hook started, on the clock of `now()`. */
  start: number;
  /** Set on the main thread only. */
  readonly threads: HostThreads | undefined;
  /** Set on other threads of the host only. */
  readonly thread: PendingInThread | undefined;
}

// Unlike the worker thread, this is shared by copies of all versions. The copy that is loaded first creates it, and its
// hook and handlers call the clients of all copies. So the following must not change while the key stays the same:
//
// - the members of `ExitParticipant`, what they do, and that they don't throw. Optional members may be added. Call them
//   with `?.()`, because clients of older versions lack them.
// - the members of `Shared`, their initial values, and the stages. Each copy adds its own clients to `pending` and
//   `signals`.
// - the clock of `start` and of deadlines: milliseconds of `performance.now()`.
//
// With a new key, a process can have two hooks and two handlers. Each handler would then assume that the other one ends
// the process, and no signal would end it. The new version must not count the handlers of the old key.
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
/** The state that all copies share. */
export const shared = scope[KEY];

/** Adds a client that has pending events. */
export function trackPending(client: ExitParticipant): void {
  if (shared.thread !== undefined && client.flushOnExit && !shared.pending.has(client)) {
    shared.thread.add(client.flushTimeout);
  }
  shared.pending.add(client);
  if (shared.stage === 'unhooked') {
    shared.stage = 'hooked';
    // First, because later listeners don't run if one throws.
    process.prependListener('exit', onExit);
    process.on('beforeExit', () => {
      for (const each of shared.pending) each.holdForCallbacks();
    });
  }
  // The event was accepted by an 'exit' listener that runs after ours.
  if (shared.stage === 'left') {
    flushAtExit();
    endProcess();
  }
}

/** Removes a client that has no pending events any more. */
export function untrackPending(client: ExitParticipant): void {
  if (shared.pending.delete(client) && client.flushOnExit) shared.thread?.delete();
}

/** Whether the process is ending, and a client with this `flushTimeout` has no time left to deliver new events. */
export function isTooLate(flushTimeout: number): boolean {
  return (shared.stage === 'leaving' || shared.stage === 'left') && now() >= shared.start + flushTimeout;
}

function onExit(): void {
  shared.start = now();
  // Some libraries emit 'exit' themselves, and the process may continue.
  if (Reflect.get(process, '_exiting') === false) {
    flushAll(
      [...shared.pending].filter((each) => each.flushOnExit),
      shared.start,
    );
  } else flushAtExit();
}

/** The exit hook of a main thread that has had no events of its own, and so has no other hook. */
function onExitWithoutEvents(): void {
  if (shared.stage === 'unhooked') onExit();
}

function flushAtExit(): void {
  shared.stage = 'leaving';
  shared.threads?.startFlush();
  // Repeats, because callbacks may add events to any client. It ends because a client that has missed its deadline
  // accepts no more events.
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

/** Flushes all clients of this thread, because the main thread is ending. */
function flushThread(): Promise<unknown> {
  const clients = [...shared.pending].filter((each) => each.flushOnExit);
  return Promise.all(clients.map((each) => each.flushAsync(each.flushTimeout)));
}

/** Flushes clients concurrently. Returns those that missed their deadline. */
export function flushAll(clients: readonly ExitParticipant[], start: number): readonly ExitParticipant[] {
  for (const client of clients) client.startFlush();
  return clients.filter((client) => !client.finishFlush(start + client.flushTimeout));
}
