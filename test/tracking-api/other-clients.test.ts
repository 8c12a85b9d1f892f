// Other vendors' clients can send to the local Tracking API. Only the host has to be changed.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics } from '@segment/analytics-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CALLS, callAll } from '../helpers/six-calls.js';

let api: TrackingApi;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** Expects that all six events arrived once each, with a messageId and without faults. */
async function expectAll(writeKey: string): Promise<void> {
  const counts = await api.waitFor({ events: 6, timeoutMs: 20_000 });
  expect(counts).toMatchObject({ events: 6, refused: 0, duplicates: 0 });
  const events = await api.events();
  for (const [type, { ...fields }] of Object.entries(CALLS)) {
    expect(events.filter((event) => event.type === type)).toMatchObject([
      { ...fields, messageId: expect.stringMatching(/./) },
    ]);
  }
  for (const request of await api.requests()) {
    expect(request).toMatchObject({ writeKey, faults: [], refusal: null, sentAt: expect.any(String) });
  }
}

describe('@segment/analytics-node', () => {
  test('delivers every type of event', async () => {
    const client = new Analytics({ writeKey: 'NODE', host: api.url });
    callAll(client);
    await client.closeAndFlush({ timeout: 20_000 });
    await expectAll('NODE');
  });

  test('keeps its events after a 503 and drops them after a 400', async () => {
    const client = new Analytics({ writeKey: 'NODE', host: api.url, flushAt: 1, maxRetries: 2 });
    const track = (event: string): Promise<unknown> =>
      new Promise((resolve) => client.track({ userId: 'u1', event }, resolve));
    await api.script([{ type: 'answer', status: 503 }]);
    expect(await track('Again')).toBeFalsy();
    expect((await api.counts()).statuses).toEqual({ 200: 1, 503: 1 });
    await api.behave({ type: 'answer', status: 400 });
    expect(await track('Never')).toBeTruthy();
    expect((await api.counts()).statuses).toEqual({ 200: 1, 400: 1, 503: 1 });
    await client.closeAndFlush({ timeout: 20_000 });
  });
});

describe('@rudderstack/rudder-sdk-node', () => {
  test.each([true, false])('delivers every type of event, gzip: %s', async (gzip) => {
    const client = new RudderAnalytics('RUDDER', { dataPlaneUrl: api.url, gzip, logLevel: 'error' });
    callAll(client);
    await new Promise((resolve) => client.flush(resolve));
    await expectAll('RUDDER');
    const [request] = await api.requests();
    expect(request?.headers['content-encoding']).toBe(gzip ? 'gzip' : undefined);
  });
});
