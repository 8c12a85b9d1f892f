// analytics.js in a real browser, on a page of another origin, sends through a relay.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { servePage } from '../helpers/bundle-page.js';
import { RELAY_KEY, type RunningRelay, Scratch, startRelay } from '../helpers/relay.js';

// Browsers are slow on a busy machine. Each wait inside has its own limit.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const scratch = new Scratch();
let browser: Browser;
let shop: Awaited<ReturnType<typeof servePage>>;
let api: TrackingApi;
let relay: RunningRelay;

beforeAll(async () => {
  api = await startTrackingApi();
  [browser, shop] = await Promise.all([launchBrowser(), servePage('analytics-page.mjs')]);
  const args = ['--directory', scratch.at('events'), '--api-host', api.url, '--cors-origin', shop.origin];
  relay = await startRelay({ args });
});
afterAll(async () => {
  await browser?.close();
  await shop?.[Symbol.asyncDispose]();
  await relay?.stop();
  await api?.close();
  scratch.remove();
});

test('its settings make it send to the relay, which adds the address of the browser', async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${shop.origin}/?q=1`);
  const settings = JSON.stringify({ writeKey: RELAY_KEY, cdnURL: relay.url });
  await page.evaluate(`load(${settings})`);
  await page.evaluate(`analytics.identify('u1', { plan: 'Free' })`);
  await page.evaluate(`analytics.track('Item Purchased', { price: 39.95 })`);
  expect(await api.waitFor({ events: 2, timeoutMs: 20_000 })).toMatchObject({ refused: 0, duplicates: 0 });
  const events = await api.events();
  expect(events.find(({ type }) => type === 'track')).toMatchObject({
    event: 'Item Purchased',
    userId: 'u1',
    properties: { price: 39.95 },
    context: { ip: '127.0.0.1', page: { url: `${shop.origin}/?q=1` }, library: { name: 'analytics.js' } },
  });
  for (const event of events) expect(event).not.toHaveProperty('sentAt');
  for (const { writeKey, headers } of await api.requests()) {
    expect(writeKey).toBe(RELAY_KEY);
    expect(headers.origin).toBeUndefined();
  }
});
