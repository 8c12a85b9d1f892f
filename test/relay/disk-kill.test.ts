// A relay with the engine on a directory is killed under load. What it has answered with 200 is delivered.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics } from '@offthread/sdk';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RELAY_KEY, type RunningRelay, Scratch, startRelay, until } from '../helpers/relay.js';

vi.setConfig({ testTimeout: 120_000 });

/** Random, but the same in each run. */
const PAUSES_MS = [120, 400, 35, 250, 600, 10, 330, 180];

let api: TrackingApi;
const scratch = new Scratch();

beforeAll(async () => {
  api = await startTrackingApi({ latencyMs: 20 });
});
afterAll(async () => {
  await api.close();
  scratch.remove();
});

function start(port = '0'): Promise<RunningRelay> {
  const args = [
    '--directory',
    scratch.at('events'),
    '--api-host',
    api.url,
    '--partitions',
    '2',
    '--port',
    port,
  ];
  return startRelay({ args });
}

/** Posts batches on one connection until it breaks, and adds the ids of those that were answered with 200. */
async function load(url: string, answered: Set<string>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(`${url}/v1/batch`, {
        agent,
        method: 'POST',
        headers: {
          authorization: `Basic ${btoa(`${RELAY_KEY}:`)}`,
          'content-length': Buffer.byteLength(body),
        },
      });
      sent.once('error', reject);
      sent.once('response', (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', reject);
      });
      sent.end(body);
    });
  try {
    for (;;) {
      const ids = Array.from({ length: 20 }, () => randomUUID());
      const batch = ids.map((messageId) => ({
        type: 'track',
        userId: messageId.slice(0, 2),
        event: 'E',
        messageId,
      }));
      if ((await post(JSON.stringify({ batch, sentAt: new Date().toISOString() }))) === 200)
        for (const id of ids) answered.add(id);
    }
  } catch {
    agent.destroy();
  }
}

test('after SIGKILL at any moment, every event that was answered arrives', async () => {
  const answered = new Set<string>();
  for (const pause of PAUSES_MS) {
    const relay = await start();
    const loads = Array.from({ length: 4 }, () => load(relay.url, answered));
    await new Promise((resolve) => setTimeout(resolve, pause));
    await relay.stop('SIGKILL');
    await Promise.all(loads);
  }
  expect(answered.size).toBeGreaterThan(200);
  const last = await start();
  const missing = async (): Promise<string[]> => {
    const arrived = new Set(await api.messageIds());
    return [...answered].filter((id) => !arrived.has(id));
  };
  await until(async () => (await missing()).length === 0, 60_000);
  await last.stop();
});

test('a client whose relay is killed keeps its events, and sends them to the next', async () => {
  await api.reset();
  let relay = await start();
  const { port } = new URL(relay.url);
  const client = new Analytics({ writeKey: RELAY_KEY, host: relay.url, requestTimeout: 2_000 });
  for (let index = 0; index < 500; index++) {
    client.track({ userId: 'u', event: 'E', messageId: `client-${index}` });
    if (index === 200) {
      await relay.stop('SIGKILL');
      relay = await start(port);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.close(30_000);
  expect(client.stats()).toMatchObject({ delivered: 500, failed: 0 });
  await until(async () => new Set(await api.messageIds()).size === 500);
  await relay.stop();
});
