// analytics.js in a real browser, on a page of another origin, sends to the local Tracking API.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { servePage } from '../helpers/bundle-page.js';

// Browsers are slow on a busy machine. Each wait inside has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let browser: Browser;
let shop: Awaited<ReturnType<typeof servePage>>;
let api: TrackingApi;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  [browser, shop] = await Promise.all([launchBrowser(), servePage('analytics-page.mjs')]);
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  api = await startTrackingApi({ in: 'thread' });
  const context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  await page.goto(`${shop.origin}/?q=1`);
});
afterEach(async () => {
  await page.context().close();
  await api.close();
  expect(faults.splice(0)).toEqual([]);
});

/** Runs code on the page. */
function run(code: string): Promise<unknown> {
  return page.evaluate(code);
}

const settings = () => JSON.stringify({ writeKey: 'WEB', cdnURL: api.url });

test('its settings make it send every type of event to this API, each with a preflight', async () => {
  await run(`load(${settings()})`);
  await run(`analytics.identify('u1', { plan: 'Free' })`);
  await run(`analytics.track('Item Purchased', { price: 39.95 })`);
  await run(`analytics.page('Docs', 'Home')`);
  await run(`analytics.screen('Start')`);
  await run(`analytics.group('g1', { employees: 5 })`);
  await run(`analytics.alias('u2')`);
  expect(await api.waitFor({ events: 6, timeoutMs: 20_000 })).toMatchObject({ refused: 0, duplicates: 0 });
  const requests = await api.requests();
  expect(requests.map(({ path }) => path).sort()).toEqual(
    ['a', 'g', 'i', 'p', 's', 't'].map((t) => `/v1/${t}`),
  );
  for (const request of requests) {
    expect(request).toMatchObject({
      method: 'POST',
      writeKey: 'WEB',
      faults: [],
      sentAt: expect.any(String),
      headers: { origin: shop.origin, 'content-type': 'text/plain' },
    });
    // More than a page may send without a preflight.
    expect(request.headers).toHaveProperty('authorization');
  }
  const events = await api.events();
  expect(events.find(({ type }) => type === 'track')).toMatchObject({
    event: 'Item Purchased',
    userId: 'u1',
    anonymousId: expect.any(String),
    properties: { price: 39.95 },
    context: { page: { url: `${shop.origin}/?q=1` }, library: { name: 'analytics.js' } },
  });
  for (const event of events) expect(event).not.toHaveProperty('writeKey');
});

test('it sends batches to this API', async () => {
  const options = {
    integrations: { 'Segment.io': { deliveryStrategy: { strategy: 'batching', config: { size: 3 } } } },
  };
  await run(`load(${settings()}, ${JSON.stringify(options)})`);
  for (let n = 0; n < 3; n += 1) await run(`analytics.track('Event ${n}')`);
  await api.waitFor({ events: 3, timeoutMs: 20_000 });
  expect(await api.requests()).toMatchObject([
    { path: '/v1/b', writeKey: 'WEB', eventCount: 3, faults: [], sentAt: expect.any(String) },
  ]);
  for (const event of await api.events()) expect(event).not.toHaveProperty('writeKey');
});

test('it retries what the API was too busy for', async () => {
  await run(`load(${settings()})`);
  await api.script([{ type: 'answer', status: 503 }]);
  await run(`analytics.track('Kept')`);
  const { statuses } = await api.waitFor({ events: 1, timeoutMs: 20_000 });
  expect(statuses).toEqual({ 200: 1, 503: 1 });
  faults.splice(0); // The browser reports the 503.
});

test.each(['text/plain', 'application/json'])('a beacon of type %s is accepted', async (type) => {
  const event = { userId: 'u1', event: 'Page Left', messageId: 'beacon', writeKey: 'WEB' };
  const body = `new Blob([${JSON.stringify(JSON.stringify(event))}], { type: '${type}' })`;
  expect(await run(`navigator.sendBeacon('${api.url}/v1/track', ${body})`)).toBe(true);
  await api.waitFor({ events: 1, timeoutMs: 20_000 });
  expect(await api.requests()).toMatchObject([{ writeKey: 'WEB', headers: { origin: shop.origin } }]);
  expect(await api.events()).toEqual([
    { type: 'track', userId: 'u1', event: 'Page Left', messageId: 'beacon' },
  ]);
});

test('a page whose origin is not listed cannot send what needs a preflight', async () => {
  await using listed = await startTrackingApi({ in: 'thread', origins: ['https://shop.test'] });
  const headers = `{ authorization: 'Basic V0VCOg==' }`;
  const sent = run(`fetch('${listed.url}/v1/track', { method: 'POST', headers: ${headers}, body: '{}' })`);
  await expect(sent).rejects.toThrow('Failed to fetch');
  expect((await listed.counts()).requests).toBe(0);
  faults.splice(0); // The browser says why.
});
