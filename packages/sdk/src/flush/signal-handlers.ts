// Signal handlers that flush clients, for the setting `flushOnSignals`. Used by client.ts.
import { constants } from 'node:os';
import { now } from '../runtime/clock.js';
import { endProcess } from '../runtime/process-end.js';
import { type ExitParticipant, flushAll, shared } from './exit.js';

/** Releases the signals of clients that are garbage collected without being closed. */
const collected = new FinalizationRegistry<readonly NodeJS.Signals[]>(releaseSignals);

/** Listens for the signals in the client's `flushOnSignals`. */
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
    // First, because a once() listener that has run is no longer counted in onSignal().
    process.prependListener(signal, handler);
  }
}

/** Reverts `addSignalHandlers()`. Has no effect the second time. */
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
  // Counted before the flush, because its callbacks may add listeners.
  const others = process.listenerCount(signal) - 1;
  const clients = [...shared.pending].filter((client) => client.flushOnSignals.includes(signal));
  const isOurs = others === 0 || others === countSignalExit();
  const start = now();
  if (isOurs) shared.threads?.startFlush();
  const late = flushAll(clients, start);
  // The application has a listener of its own, which ends the process.
  if (!isOurs) return;
  shared.threads?.finishFlush(start);
  for (const each of late) each.abandon();
  removeHandler(signal, known.handler);
  // The signal ends the process without an 'exit' event.
  endProcess();
  process.kill(process.pid, signal);
  // The kernel doesn't end process 1 of a container on a signal, so exit with the code that a shell reports for the
  // signal.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
}

/**
 * Counts the listeners of the package signal-exit, versions 3 and 4. It doesn't end the process if there is any other
 * listener, including ours, so its listeners must not stop us from ending it. Each version keeps the count in an
 * emitter that its copies share.
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
