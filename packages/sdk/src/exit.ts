// The end of the process -> a last flush of every client that has events pending. Used by client.ts.
//
// One hook a process and one handler a signal, for all clients and all copies of this package.

/** A client as it looks from here. */
export interface Leaver {
  readonly flushTimeout: number;
  readonly flushOnExit: boolean;
  readonly flushOnSignals: readonly NodeJS.Signals[];
  /** Hands all over to the worker, without waiting for it. */
  startFlush(): void;
  /** Blocks until all is settled or the deadline, on `performance.now()`, is there. */
  finishFlush(deadline: number): void;
  /** Lets go of what is still pending, which nobody will send any more. */
  abandon(): void;
}

interface Shared {
  /** Clients with events pending. */
  readonly pending: Set<Leaver>;
  readonly signals: Map<NodeJS.Signals, { readonly handler: () => void; readonly clients: Set<Leaver> }>;
  hooked: boolean;
}

const KEY = Symbol.for('@offthread/sdk/exit/1');
const scope = globalThis as { [KEY]?: Shared };
scope[KEY] ??= {
  pending: new Set(),
  signals: new Map(),
  hooked: false,
};
const shared = scope[KEY];

/** The client has events pending, from now on until `forget`. */
export function remember(client: Leaver): void {
  shared.pending.add(client);
  if (shared.hooked) return;
  shared.hooked = true;
  process.on('exit', () => {
    const clients = [...shared.pending].filter((each) => each.flushOnExit);
    flushAll(clients);
    for (const each of clients) each.abandon();
  });
}

/** The client has nothing pending any more. */
export function forget(client: Leaver): void {
  shared.pending.delete(client);
}

/** Listens for the signals upon which the client wants to be flushed. */
export function listen(client: Leaver): void {
  for (const signal of client.flushOnSignals) {
    const known = shared.signals.get(signal);
    if (known !== undefined) {
      known.clients.add(client);
      continue;
    }
    const handler = (): void => onSignal(signal);
    shared.signals.set(signal, { handler, clients: new Set([client]) });
    process.on(signal, handler);
  }
}

/** Stops what `listen` began. */
export function unlisten(client: Leaver): void {
  for (const signal of client.flushOnSignals) {
    const known = shared.signals.get(signal);
    known?.clients.delete(client);
    if (known?.clients.size === 0) stopListening(signal, known.handler);
  }
}

function onSignal(signal: NodeJS.Signals): void {
  const known = shared.signals.get(signal);
  if (known === undefined) return;
  flushAll([...known.clients].filter((client) => shared.pending.has(client)));
  // Somebody else listens as well and will end the process in their own time.
  if (process.listenerCount(signal) > 1) return;
  stopListening(signal, known.handler);
  process.kill(process.pid, signal);
}

function stopListening(signal: NodeJS.Signals, handler: () => void): void {
  process.removeListener(signal, handler);
  shared.signals.delete(signal);
}

/** All at once: a thousand clients take no longer than the slowest of them. */
function flushAll(clients: readonly Leaver[]): void {
  const start = performance.now();
  for (const client of clients) client.startFlush();
  for (const client of clients) client.finishFlush(start + client.flushTimeout);
}
