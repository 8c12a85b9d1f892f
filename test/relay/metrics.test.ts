// Health and metrics of a relay.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';
import { RELAY_KEY, type RunningRelay, Scratch, startRelay, until } from '../helpers/relay.js';

let api: TrackingApi;
let relay: RunningRelay;
let scratch: Scratch;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(async () => {
  await api.reset();
  scratch = new Scratch();
  const args = ['--directory', scratch.at('events'), '--api-host', api.url, '--metrics-port', '0'];
  relay = await startRelay({ args });
});
afterEach(async () => {
  relay.child.kill('SIGKILL');
  await relay.end;
  scratch.remove();
});
afterAll(() => api.close());

/** The value of a metric; undefined if it isn't there. */
async function metric(name: string, labels = ''): Promise<number | undefined> {
  const text = await (await fetch(`${relay.metricsUrl}/metrics`)).text();
  expect(text).not.toContain(RELAY_KEY);
  const line = text
    .split('\n')
    .find((each) => each.split(/[{ ]/, 1)[0] === `offthread_relay_${name}` && each.includes(labels));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

test('the metrics say what was taken, delivered, refused, and what waits', async () => {
  await api.rules([{ match: { eventName: 'Refused' }, behaviour: { type: 'answer', status: 400 } }]);
  expect(await metric('ingested_events_total')).toBe(0);
  expect(await metric('engine_up')).toBe(1);
  const body = { batch: [...batchOf(9).batch, trackEvent({ event: 'Refused' }), trackEvent({ userId: '' })] };
  expect((await post(relay.url, body, { writeKey: RELAY_KEY })).status).toBe(200);
  expect(await metric('ingested_events_total', 'source="')).toBe(11);
  expect(await metric('faulty_events_total', 'code="no_user"')).toBe(1);
  expect(await metric('http_reply_seconds_count', 'status="200"')).toBe(1);
  await until(async () => (await metric('delivered_events_total')) === 10);
  expect(await metric('failed_events_total', 'code="rejected"')).toBe(1);
  await until(async () => (await metric('dead_letters')) === 1);
  expect(await metric('backlog_events')).toBe(0);
  expect(await metric('api_responses_total', 'status="400"')).toBeGreaterThan(0);
  expect(await metric('held_partitions')).toBe(1);
  expect(await metric('lease_holder', 'partition="0"')).toBe(1);
  await api.rules([]);
  await api.behave({ type: 'answer', status: 401 });
  await post(relay.url, batchOf(7), { writeKey: RELAY_KEY });
  await until(async () => (await metric('paused')) === 1);
  expect(await metric('backlog_events')).toBe(7);
  expect(await metric('backlog_bytes')).toBeGreaterThan(700);
  await until(async () => ((await metric('backlog_oldest_seconds')) ?? 0) > 0);
});

test('metrics have a port of their own, and health is on both', async () => {
  expect((await fetch(`${relay.url}/metrics`)).status).toBe(404);
  for (const url of [relay.url, relay.metricsUrl]) {
    expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ok' });
  }
  expect((await post(`${relay.metricsUrl}`, batchOf(1), { writeKey: RELAY_KEY })).status).toBe(404);
});
