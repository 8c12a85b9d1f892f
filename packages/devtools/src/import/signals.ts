// Listens for signals that ask an import to stop.

/** A signal that asks an import to stop. */
export type Signal = (typeof SIGNALS)[number];

/** SIGHUP is sent when the terminal is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls `act` for each signal, until `close()`. `received` is the first one. */
export function listenForSignals(act: (signal: Signal, again: boolean) => void) {
  const state = { received: undefined as Signal | undefined, close };
  const listener = (signal: Signal): void => {
    const again = state.received !== undefined;
    state.received ??= signal;
    act(signal, again);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  function close(): void {
    for (const signal of SIGNALS) process.off(signal, listener);
  }
  return state;
}
