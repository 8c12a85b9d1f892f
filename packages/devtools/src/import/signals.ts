// SIGINT and SIGTERM -> calls. Used by commands/import.ts.

/** A signal that asks an import to end. */
type Signal = 'SIGINT' | 'SIGTERM';

/** Calls `act` for each signal, until `close()`. `received` is the first one. */
export function listenForSignals(act: (signal: Signal, again: boolean) => void) {
  const state = { received: undefined as Signal | undefined, close };
  const listener = (signal: Signal): void => {
    const again = state.received !== undefined;
    state.received ??= signal;
    act(signal, again);
  };
  process.on('SIGINT', listener).on('SIGTERM', listener);
  function close(): void {
    process.off('SIGINT', listener).off('SIGTERM', listener);
  }
  return state;
}
