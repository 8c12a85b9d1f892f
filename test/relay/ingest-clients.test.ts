// The clients people use, through a relay that keeps events in a directory. Only their host changes.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics as Offthread } from '@offthread/sdk';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics as Segment } from '@segment/analytics-node';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { RELAY_KEY, type RunningRelay, Scratch, startRelay } from '../helpers/relay.js';

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

const CALLS = {
  identify: { userId: 'u1', traits: { plan: 'Free' } },
  track: { userId: 'u1', event: 'Item Purchased', properties: { price: 39.95 } },
  page: { userId: 'u1', name: 'Pricing', properties: { url: 'https://shop.test/pricing' } },
  screen: { anonymousId: 'a1', name: 'Home', properties: {} },
  group: { userId: 'u1', groupId: 'g1', traits: { employees: 5 } },
  alias: { userId: 'u1', previousId: 'a1' },
} as const;

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
  client.identify(CALLS.identify);
  client.track(CALLS.track);
  client.page(CALLS.page);
  client.screen(CALLS.screen);
  client.group(CALLS.group);
  client.alias(CALLS.alias);
  await client.closeAndFlush({ timeout: 10_000 });
  await expectAll();
});

test.each([true, false])('@rudderstack/rudder-sdk-node, gzip: %s', async (gzip) => {
  const client = new RudderAnalytics(RELAY_KEY, { dataPlaneUrl: relay.url, gzip, logLevel: 'error' });
  client.identify(CALLS.identify);
  client.track(CALLS.track);
  client.page(CALLS.page);
  client.screen(CALLS.screen);
  client.group(CALLS.group);
  client.alias(CALLS.alias);
  await new Promise((resolve) => client.flush(resolve));
  await expectAll();
});

test('@offthread/sdk', async () => {
  const client = new Offthread({ writeKey: RELAY_KEY, host: relay.url });
  client.identify(CALLS.identify);
  client.track(CALLS.track);
  client.page(CALLS.page);
  client.screen(CALLS.screen);
  client.group(CALLS.group);
  client.alias(CALLS.alias);
  await client.close();
  expect(client.stats()).toMatchObject({ delivered: 6, failed: 0 });
  await expectAll();
});
