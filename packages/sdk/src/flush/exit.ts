// The end of the process -> a last flush of every client that has events pending. Used by client.ts.
//
// One hook a process and one handler a signal, for all clients and all copies of this package, of any version.
import { constants } from 'node:os';
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
const shared = scope[KEY];

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

/** Clients that were never closed, with the signals that they want. */
const collected = new FinalizationRegistry<readonly NodeJS.Signals[]>(releaseSignals);

/** Listens for the signals upon which the client wants to be flushed. */
export function addSignalHandlers(client: ExitParticipant): void {
  collected.register(client, client.flushOnSignals, client);
  for (const signal of client.flushOnSignals) {
    const known = shared.signals.get(signal);
    if (known !== undefined) {
      known.clients++;
      continue;
    }
    const handler = (): void => onSignal(signal);
    shared.signals.set(signal, { handler, clients: 1 });
    // In front, because a listener that was added by once() is gone from the list when it has run.
    process.prependListener(signal, handler);
  }
}

/** Stops what `listen` began, once. */
export function removeSignalHandlers(client: ExitParticipant): void {
  if (collected.unregister(client)) releaseSignals(client.flushOnSignals);
}

function releaseSignals(signals: readonly NodeJS.Signals[]): void {
  for (const signal of signals) {
    const known = shared.signals.get(signal);
    if (known === undefined) continue;
    known.clients--;
    if (known.clients === 0) removeHandler(signal, known.handler);
  }
}

function onSignal(signal: NodeJS.Signals): void {
  const known = shared.signals.get(signal);
  if (known === undefined) return;
  // Before the flush, whose callbacks may add listeners. Ours is in front, so none added by once() is gone yet.
  const others = process.listenerCount(signal) - 1;
  const clients = [...shared.pending].filter((client) => client.flushOnSignals.includes(signal));
  const isOurs = others === 0 || others === countSignalExit();
  const start = now();
  if (isOurs) shared.threads?.startFlush();
  const late = flushAll(clients, start);
  // Somebody else listens as well and will end the process in their own time.
  if (!isOurs) return;
  shared.threads?.finishFlush(start);
  for (const each of late) each.abandon();
  removeHandler(signal, known.handler);
  process.kill(process.pid, signal);
  // The kernel spares the first process of a container, which is then to end as its shell would have it.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
}

/**
 * Listeners of the package signal-exit, versions 3 and 4. It leaves the end of the process to any other listener, so we must
 * not leave it to signal-exit. Each version counts its copies in an emitter that they share.
 */
function countSignalExit(): number {
  const emitters: unknown[] = [
    Reflect.get(process, '__signal_exit_emitter__'),
    Reflect.get(globalThis, Symbol.for('signal-exit emitter')),
  ];
  let count = 0;
  for (const emitter of emitters) {
    const copies: unknown = Object(emitter).count;
    if (typeof copies === 'number') count += copies;
  }
  return count;
}

function removeHandler(signal: NodeJS.Signals, handler: () => void): void {
  process.removeListener(signal, handler);
  shared.signals.delete(signal);
}

/** All at once: a thousand clients take no longer than the slowest of them. Returns those that are late. */
function flushAll(clients: readonly ExitParticipant[], start: number): readonly ExitParticipant[] {
  for (const client of clients) client.startFlush();
  return clients.filter((client) => !client.finishFlush(start + client.flushTimeout));
}
