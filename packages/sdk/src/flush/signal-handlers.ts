// The signals on which clients are flushed: `flushOnSignals`. Used by client.ts.
import { constants } from 'node:os';
import { now } from '../runtime/clock.js';
import { type ExitParticipant, flushAll, shared } from './exit.js';

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
