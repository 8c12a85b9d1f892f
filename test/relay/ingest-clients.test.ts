// The clients people use, through a relay that keeps events in a directory. Only their host changes.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics as Offthread } from '@offthread/sdk';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics as Segment } from '@segment/analytics-node';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RELAY_KEY, type RunningRelay, Scratch, startRelay } from '../helpers/relay.js';
import { CALLS, callAll } from '../helpers/six-calls.js';

let api: TrackingApi;
let relay: RunningRelay;
const scratch = new Scratch();

beforeAll(async () => {
  api = await startTrackingApi({ strict: true });
  relay = await startRelay({ args: ['--directory', scratch.at('events'), '--api-host', api.url] });
});
beforeEach(() => api.reset());
afterAll(async () => {
  await relay?.stop();
  await api.close();
  scratch.remove();
});

/** Expects that all six events arrived once each, from the relay, without faults, and in their order. */
async function expectAll(): Promise<void> {
  const counts = await api.waitFor({ events: 6, timeoutMs: 10_000 });
  expect(counts).toMatchObject({ events: 6, refused: 0, duplicates: 0 });
  const events = await api.events();
  for (const [type, { ...fields }] of Object.entries(CALLS)) {
    expect(events.filter((event) => event.type === type)).toMatchObject([
      { ...fields, messageId: expect.stringMatching(/./), timestamp: expect.stringMatching(/Z$/) },
    ]);
  }
  for (const request of await api.requests()) {
    expect(request).toMatchObject({
      writeKey: RELAY_KEY,
      faults: [],
      refusal: null,
      sentAt: expect.any(String),
    });
    expect(request.headers['user-agent']).toMatch(/^offthread-relay\//);
  }
}

test('@segment/analytics-node', async () => {
  const client = new Segment({ writeKey: RELAY_KEY, host: relay.url });
  callAll(client);
  await client.closeAndFlush({ timeout: 10_000 });
  await expectAll();
});

test.each([true, false])('@rudderstack/rudder-sdk-node, gzip: %s', async (gzip) => {
  const client = new RudderAnalytics(RELAY_KEY, { dataPlaneUrl: relay.url, gzip, logLevel: 'error' });
  callAll(client);
  await new Promise((resolve) => client.flush(resolve));
  await expectAll();
});

test('@offthread/sdk', async () => {
  const client = new Offthread({ writeKey: RELAY_KEY, host: relay.url });
  callAll(client);
  await client.close();
  expect(client.stats()).toMatchObject({ delivered: 6, failed: 0 });
  await expectAll();
});
