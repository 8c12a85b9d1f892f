// What the page asks of the server: the stream of what happens, the content of a request, and what to do.
import type { Behaviour } from '../src/faults/behaviour.js';
import type { LiveContent } from '../src/live/content.js';
import type { LiveMessage } from '../src/live/live-message.js';
import type { Store } from './store.js';

/** Connects and stays connected: the browser comes back by itself, and is told everything again. */
export function follow(store: Store): void {
  const stream = new EventSource('/_offthread/stream');
  stream.onopen = () => store.connected(true);
  stream.onerror = () => {
    store.connected(false);
    // A browser gives up for good if the answer is not a stream.
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
  await expectOk(response);
}

/** Headers, body and reply of a request. Rejects if they are not kept any more. */
export async function readContent(sequence: number): Promise<LiveContent> {
  const response = await fetch(`/_offthread/page/requests/${sequence}`);
  await expectOk(response);
  return (await response.json()) as LiveContent;
}

/** Has the server send a request to itself again, with the write key it had. */
export async function sendAgain(sequence: number): Promise<void> {
  await expectOk(await fetch(`/_offthread/page/requests/${sequence}/again`, { method: 'POST' }));
}

async function expectOk(response: Response): Promise<void> {
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}
