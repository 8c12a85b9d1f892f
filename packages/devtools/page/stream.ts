// The page's requests to the server: the stream, the content of a request, and commands.
import type { Behaviour } from '../src/faults/behaviour.js';
import type { LiveContent } from '../src/live/content.js';
import type { LiveMessage } from '../src/live/live-message.js';
import type { Store } from './store.js';

/** Connects and stays connected: the browser reconnects by itself, and the server then sends everything again. */
export function follow(store: Store): void {
  const stream = new EventSource('/_offthread/stream');
  stream.onopen = () => store.connected(true);
  stream.onerror = () => {
    store.connected(false);
    // A browser stops reconnecting if the response isn't a stream.
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2_000, store);
  };
  stream.onmessage = ({ data }: MessageEvent<string>) => store.apply(JSON.parse(data) as LiveMessage);
}

/** Sets the API's behaviour. Rejects with the server's message. */
export async function behave(behaviour: Behaviour): Promise<void> {
  const response = await fetch('/_offthread/behave', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(behaviour),
  });
  await expectOk(response);
}

/** Returns headers, body and reply of a request. Rejects if they are no longer kept. */
export async function readContent(sequence: number): Promise<LiveContent> {
  const response = await fetch(`/_offthread/page/requests/${sequence}`);
  await expectOk(response);
  return (await response.json()) as LiveContent;
}

/** Makes the server send a request to itself again, with its original write key. */
export async function sendAgain(sequence: number): Promise<void> {
  await expectOk(await fetch(`/_offthread/page/requests/${sequence}/again`, { method: 'POST' }));
}

async function expectOk(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
