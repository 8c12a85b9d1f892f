// In: the server's stream. Out: messages for the store; instructions the other way. Next: store.ts.
import type { Behaviour } from '../src/faults/behaviour.js';
import type { LiveMessage } from '../src/live/live-message.js';
import type { Store } from './store.js';

/** Connects and stays connected: the browser comes back by itself, and is told everything again. */
export function follow(store: Store): void {
  const stream = new EventSource('/_offthread/stream');
  stream.onopen = () => store.connected(true);
  stream.onerror = () => {
    store.connected(false);
    // A browser gives up for good where it got an answer that is no stream.
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2_000, store);
  };
  stream.onmessage = ({ data }: MessageEvent<string>) => store.apply(JSON.parse(data) as LiveMessage);
}

/** Tells the API what to do from now on. Rejects with what the server said. */
export async function behave(behaviour: Behaviour): Promise<void> {
  const response = await fetch('/_offthread/behave', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(behaviour),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
