// The live page in a real browser: what a developer sees of the events that a program sends.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics } from '@offthread/sdk';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { namesOf, openPage, rows, textOf, withLivePage } from '../helpers/live-page.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

// A browser on a busy machine takes its time; each wait inside has a bound of its own.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const bench = withLivePage();
let api: TrackingApi;
let page: Page;
let faults: string[];
beforeEach(() => {
  ({ api, page, faults } = bench);
});

const soon = { timeout: 10_000, interval: 50 };

function send(...batch: Record<string, unknown>[]) {
  return post(api.url, { batch, sentAt: new Date().toISOString() });
}

/** Waits until exactly these are the names of the rows, top first. */
function shows(...names: string[]) {
  return expect.poll(() => namesOf(page), soon).toEqual(names);
}

async function open(name: string): Promise<void> {
  await rows(page).filter({ hasText: name }).click();
  await page.getByRole('complementary').waitFor();
}

function clipboard(): Promise<string> {
  return page.evaluate('navigator.clipboard.readText()');
}

describe('the list', () => {
  test('shows events as they arrive, newest first, including those from before the page was opened', async () => {
    await page.getByText('No events yet').waitFor();
    await send(trackEvent({ event: 'First Seen' }), trackEvent({ event: 'Second Seen' }));
    await shows('Second Seen', 'First Seen');
    await send({ type: 'page', userId: 'u', category: 'Docs', name: 'Home', messageId: 'p' });
    await shows('Docs › Home', 'Second Seen', 'First Seen');
    await page.reload();
    await shows('Docs › Home', 'Second Seen', 'First Seen');
    await expect.poll(() => textOf(page.getByLabel('Counters')), soon).toMatch(/Events3Requests2/);
  });

  test('can be filtered by type, name, user, text and warnings, and shown completely again', async () => {
    await send(
      trackEvent({ event: 'Order Completed', userId: 'ada', properties: { city: 'Zürich' } }),
      trackEvent({ event: 'Order Refunded', userId: 'bob' }),
      trackEvent({ event: 'signup', userId: 'ada' }),
      { type: 'group', userId: 'bob', groupId: 'acme', messageId: 'g' },
    );
    const all = ['acme', 'signup', 'Order Refunded', 'Order Completed'];
    await shows(...all);
    await page.getByRole('button', { name: 'group' }).click();
    await shows('acme');
    await page.getByRole('button', { name: 'track' }).click();
    await shows(...all);
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByLabel('Name').fill('order');
    await shows('Order Refunded', 'Order Completed');
    await page.getByLabel('User').fill('ADA');
    await shows('Order Completed');
    await page.getByLabel('Name').fill('');
    await shows('signup', 'Order Completed');
    await page.getByLabel('Search in events').fill('zürich');
    await shows('Order Completed');
    await page.getByLabel('Search in events').fill('nowhere');
    await page.getByText('No event matches').waitFor();
    await page.getByRole('button', { name: 'Show all' }).last().click();
    await send(trackEvent({ event: 'Lost One', messageId: undefined }));
    await page.getByRole('button', { name: 'warnings' }).click();
    await shows('Lost One');
    await page.getByRole('button', { name: 'warnings' }).click();
    await page.getByRole('button', { name: 'style' }).click();
    await shows('signup');
    await send(trackEvent({ event: 'also odd' }), trackEvent({ event: 'Fine Event' }));
    await shows('also odd', 'signup');
  });

  test('stands still while paused, and can be cleared', async () => {
    await send(trackEvent({ event: 'Before It' }));
    await shows('Before It');
    await page.getByRole('button', { name: 'Pause' }).click();
    await send(trackEvent({ event: 'Mean While' }));
    await page.getByText('1 new request').waitFor();
    await shows('Before It');
    await page.getByRole('button', { name: 'Resume' }).click();
    await shows('Mean While', 'Before It');
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Nothing new yet').waitFor();
    await send(trackEvent({ event: 'After It' }));
    await shows('After It');
  });

  test('starts over when the API is reset, and reconnects after it was down', async () => {
    await send(trackEvent({ event: 'Old One' }));
    await shows('Old One');
    await page.getByRole('button', { name: 'Clear' }).click();
    await api.reset();
    await page.getByText('No events yet').waitFor();
    await send(trackEvent({ event: 'New One' }));
    await shows('New One');
    await api.stop();
    await page.getByText('Not connected').waitFor();
    await api.start();
    await page.getByText('Live', { exact: true }).waitFor();
    await send(trackEvent({ event: 'Last One' }));
    await shows('Last One', 'New One');
    // The browser reports the connection that was refused.
    faults.splice(0);
  });

  test('keeps an open request when its connection comes back, but not after a reset', async () => {
    await send(trackEvent({ event: 'First One' }));
    await page.getByRole('tab', { name: 'Requests 1' }).click();
    await rows(page).first().click();
    const reply = page.getByRole('region', { name: 'Reply', exact: true });
    await reply.waitFor();
    await api.stop();
    await page.getByText('Not connected').waitFor();
    await api.start();
    await page.getByText('Live', { exact: true }).waitFor();
    await send(trackEvent({ event: 'Second One' }));
    await expect.poll(() => rows(page).count(), soon).toBe(2);
    expect(await reply.isVisible()).toBe(true);
    expect(await rows(page).nth(1).getAttribute('aria-selected')).toBe('true');
    await api.reset();
    await expect.poll(() => reply.count(), soon).toBe(0);
    // The browser reports the connection that was refused.
    faults.splice(0);
  });

  test('keeps more than 10,000 events, but renders only the visible ones', async () => {
    for (let n = 0; n < 5; n += 1) {
      const batch = Array.from({ length: 2_400 }, (_, index) =>
        trackEvent({ event: `Event Number${n * 2_400 + index}` }),
      );
      expect((await send(...batch)).status).toBe(200);
    }
    await page.getByRole('tab', { name: 'Events 12,000' }).waitFor();
    expect(await rows(page).count()).toBeLessThan(80);
    const list = page.getByRole('listbox');
    await list.focus();
    await page.keyboard.press('End');
    await expect.poll(() => namesOf(page).then((names) => names.at(-1)), soon).toBe('Event Number0');
    expect(await rows(page).count()).toBeLessThan(80);
    expect(await rows(page).last().getAttribute('aria-setsize')).toBe('12000');

    // What is being read stays where it is while more arrives at the top.
    const seen = (await namesOf(page)).at(-1);
    await send(trackEvent({ event: 'One More' }), trackEvent({ event: 'Two More' }));
    await page.getByRole('tab', { name: 'Events 12,002' }).waitFor();
    await expect.poll(() => namesOf(page).then((names) => names.at(-1)), soon).toBe(seen);

    await page.getByLabel('Search in events').fill('Number7777');
    await shows('Event Number7777');
  });
});

describe('one event', () => {
  test('can be opened, browsed and closed with the keyboard alone', async () => {
    await send(
      trackEvent({ event: 'Second Last', properties: { total: 7 } }),
      trackEvent({ event: 'Very Last' }),
    );
    await shows('Very Last', 'Second Last');
    await page.keyboard.press('/');
    // With the next frame.
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('search');
    await page.getByRole('listbox').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Second Last' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('detail');
    const active = await page.getByRole('listbox').getAttribute('aria-activedescendant');
    expect(await page.locator(`id=${active}`).getAttribute('aria-selected')).toBe('true');

    const item = (name: string) => page.getByRole('treeitem', { name });
    await item('type').focus();
    await page.keyboard.press('End');
    await item('total').waitFor();
    await page.keyboard.press('ArrowLeft'); // To the properties,
    await page.keyboard.press('ArrowLeft'); // which close.
    await item('total').waitFor({ state: 'detached' });
    expect(await item('properties').getAttribute('aria-expanded')).toBe('false');
    await page.keyboard.press('ArrowRight');
    await item('total').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary').waitFor({ state: 'detached' });
    await expect
      .poll(() => page.evaluate(`document.activeElement.getAttribute('role')`), soon)
      .toBe('listbox');
  });

  test('is copied as the JSON in which it was sent, digit for digit', async () => {
    const text =
      '{"type":"track","userId":12345678901234567890,"event":"Order Completed","messageId":"m","properties":{"price":39.90,"none":null,"list":[],"name":"\\u2028\\"é"}}';
    await post(api.url, `{"batch":[${text}]}`);
    await open('Order Completed');
    await page.getByRole('treeitem', { name: 'price: 39.90' }).waitFor();
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
    const copied = await clipboard();
    expect(JSON.parse(copied)).toEqual(JSON.parse(text));
    expect(copied).toContain('"userId": 12345678901234567890');
    expect(copied).toContain('"price": 39.90');
  });

  test('is copied as code that sends it again', async () => {
    const awkward = {
      "it's": 'a \'quoted\' "text" \\ with `ticks`\n</script>\u2028',
      'two words': [1, -0.5, true, null, { deep: [[]] }],
      ['__proto__']: { polluted: true },
      constructor: 'x',
      ünïcode: '🎈',
    };
    const events: Record<string, unknown>[] = [
      { type: 'track', userId: 'u', event: "Bob's Order", properties: awkward, integrations: { All: false } },
      { type: 'identify', anonymousId: 'a', traits: awkward, context: { ip: '::1', library: { name: 'x' } } },
      {
        type: 'page',
        userId: 'u',
        name: 'Home',
        category: 'Docs',
        properties: { url: '/', category: 'Docs' },
      },
      { type: 'screen', userId: 'u', name: 'Home' },
      { type: 'group', userId: 'u', groupId: 'g', traits: { seats: 3 } },
      { type: 'alias', userId: 'u', previousId: 'p' },
    ];
    await using second = await startTrackingApi();
    const analytics = new Analytics({ writeKey: 'again', host: second.url });
    for (const [index, event] of events.entries()) {
      await send({ ...event, messageId: `m${index}`, timestamp: '2026-01-01T00:00:00.000Z' });
      await page.getByRole('tab', { name: `Events ${index + 1}` }).waitFor();
      await rows(page).first().click();
      await page.getByRole('button', { name: 'Copy as code' }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      const code = await clipboard();
      expect(code).toMatch(new RegExp(`^analytics\\.${event['type']}\\(\\{\n`));
      new Function('analytics', code)(analytics);
      await page.keyboard.press('Escape');
    }
    await analytics.close();
    const again = await second.events();
    expect(again).toHaveLength(events.length);
    for (const [index, event] of events.entries()) {
      const { messageId, timestamp, context, ...rest } = again[index] ?? {};
      const { context: wanted, ...fields } = event as { context?: { ip: string } };
      expect(rest).toEqual(fields);
      expect(messageId).not.toBe(`m${index}`);
      expect(timestamp).not.toBe('2026-01-01T00:00:00.000Z');
      expect(context?.['ip']).toBe(wanted?.ip);
      expect(context?.['library']).toMatchObject({ name: expect.not.stringMatching(/^x$/) });
    }
  });

  test('shows its warnings', async () => {
    await send(
      trackEvent({ event: 'order_completed', timestamp: new Date(Date.now() + 9e6).toISOString() }),
      trackEvent({ event: 'No Id', messageId: undefined }),
    );
    await send(
      trackEvent({ event: 'Same Id', messageId: 'same' }),
      trackEvent({ event: 'Same Id2', messageId: 'same' }),
    );
    await open('order_completed');
    const warnings = page.getByRole('list', { name: 'Warnings' });
    expect(await textOf(warnings)).toContain('Timestamp in the future');
    expect(await textOf(page.getByRole('list', { name: 'Style' }))).toContain('Name not “Object Action”');
    await open('No Id');
    expect(await textOf(warnings)).toContain('No messageId');
    await open('Same Id2');
    expect(await textOf(warnings)).toContain('Duplicate messageId');
    await send(trackEvent({ event: 'Big One', properties: { text: 'é'.repeat(17_000) } }));
    await open('Big One');
    expect(await textOf(warnings)).toContain('Over 32 KB');
    expect(await textOf(page.getByRole('complementary'))).toMatch(/Not accepted\. batch\[0\] is \d+ bytes/);
  });

  test('is shown even if it is nested as deeply as its size allows, or has thousands of fields', async () => {
    const deep = '['.repeat(7_000) + ']'.repeat(7_000);
    await post(
      api.url,
      `{"batch":[{"type":"track","userId":"u","event":"Deep One","messageId":"d","properties":{"x":${deep}}}]}`,
    );
    await open('Deep One');
    await page.getByRole('treeitem', { name: 'x: [1]' }).waitFor();
    const properties = Object.fromEntries(Array.from({ length: 1_500 }, (_, n) => [`field${n}`, n]));
    await send(trackEvent({ event: 'Wide One', properties }));
    await open('Wide One');
    await page.getByRole('treeitem', { name: 'Show 1300 more' }).click();
    await page.getByRole('treeitem', { name: 'field1499' }).waitFor();
  });
});

test('everything in an event is shown as text', async () => {
  const evil = `"'><img src=x onerror="window.hacked=1"><script>window.hacked=1</script><svg onload=window.hacked=1>`;
  const link = 'javascript:window.hacked=1';
  const fields = { [evil]: evil, link, list: [evil], nested: { [evil]: { [evil]: evil } } };
  const common = { userId: evil, anonymousId: evil, context: fields, integrations: fields, timestamp: evil };
  const batch = [
    { ...common, type: 'track', event: evil, messageId: evil.slice(0, 90), properties: fields },
    { ...common, type: 'identify', traits: fields },
    { ...common, type: 'page', name: evil, category: evil, properties: fields },
    { ...common, type: 'screen', name: link, properties: fields },
    { ...common, type: 'group', groupId: evil, traits: fields },
    { ...common, type: 'alias', previousId: evil },
    { ...common, type: evil },
    { ...common, type: { [evil]: evil }, event: { [evil]: evil } },
  ];
  await post(api.url, { batch, sentAt: evil }, { headers: { 'user-agent': '<img src=x onerror=alert(1)>' } });
  await post(api.url, '{}', { path: '/<img%20src=x%20onerror=alert(1)>' });
  await page.getByRole('tab', { name: 'Events 8' }).waitFor();
  for (let index = 0; index < batch.length; index += 1) {
    await rows(page).nth(index).click();
    const closed = page.locator('[role=treeitem][aria-expanded=false]');
    for (let n = await closed.count(); n > 0; n = await closed.count()) await closed.first().click();
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
  }
  await page.getByRole('tab', { name: 'Requests 2' }).click();
  for (let index = 0; index < 2; index += 1) await rows(page).nth(index).click();
  await page.getByRole('heading', { name: 'POST /v1/batch' }).waitFor();
  await page.getByRole('region', { name: 'Headers' }).getByText('<img src=x onerror=alert(1)>').waitFor();

  expect(await page.evaluate(`'hacked' in window`)).toBe(false);
  expect(await page.locator('img').count()).toBe(1); // The icon.
  expect(await page.locator('script').count()).toBe(1);
  expect(await page.locator('a, [onerror], [onload]').count()).toBe(0);
  expect(faults).toEqual([]);
  // And were it to become markup some day, the browser would not have it.
  const inserted = page.locator('body').evaluate((body) => {
    body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.hacked=1">');
  });
  await expect(inserted).rejects.toThrow('TrustedHTML');
  faults.splice(0);
});

describe('the requests', () => {
  test('are shown with batch, status and latency, and lead to their events', async () => {
    await post(api.url, batchOf(3));
    await post(api.url, { batch: [trackEvent({ event: 'Alone Here' })] });
    await page.getByRole('tab', { name: 'Requests 2' }).click();
    await expect.poll(() => textOf(rows(page).nth(1)), soon).toMatch(/3 events\d+ B[\d.]+ ms200/);
    await rows(page).nth(0).click();
    await page.getByRole('button', { name: 'Show its 1 event' }).click();
    await shows('Alone Here');
    await page.getByRole('button', { name: 'Request #2 · show all' }).click();
    await shows('Alone Here', 'Thing Done', 'Thing Done', 'Thing Done');
  });

  test('that are refused are shown with the reason', async () => {
    await post(api.url, batchOf(1));
    await send(trackEvent({ event: 'Too Large', filler: 'x'.repeat(40_000) }));
    await post(api.url, 'not json');
    await post(api.url, batchOf(1), { writeKey: null });
    await page.getByRole('button', { name: '3', exact: true }).click();
    await page.getByRole('tab', { name: 'Requests 3' }).waitFor();
    const text = await textOf(page.getByRole('listbox'));
    expect(text).toContain('no write key');
    expect(text).toContain('not valid JSON');
    expect(text).toMatch(/batch\[0\] is \d+ bytes, over the limit of 32768/);
    await page.getByRole('tab', { name: 'Events 3' }).click();
    await open('Too Large');
    await page.getByText('Not accepted.').waitFor();
  });

  test('that are accepted although an event is invalid show the fault at the event', async () => {
    await send(trackEvent({ event: 'Right One' }), { type: 'track', event: 'Nobody There', messageId: 'n' });
    await shows('Nobody There', 'Right One');
    const wrong = rows(page).filter({ hasText: 'Nobody There' });
    await expect.poll(() => wrong.getAttribute('class'), soon).toContain('bad');
    expect(await textOf(wrong)).toContain('200');
    expect(await rows(page).filter({ hasText: 'Right One' }).getAttribute('class')).toContain('good');
    await open('Nobody There');
    await page.getByText('This event has neither userId nor anonymousId.').waitFor();
    await page.getByRole('tab', { name: 'Requests 1' }).click();
    await expect.poll(() => textOf(rows(page).first()), soon).toContain('1 fault');
  });

  test('that are refused because of one event mark that event', async () => {
    await using strict = await startTrackingApi({ in: 'thread', page: true, strict: true });
    await using other = await openPage(bench.browser, strict);
    const batch = [trackEvent({ event: 'Right One' }), { type: 'track', event: 'Nobody There' }];
    expect((await post(strict.url, { batch })).status).toBe(400);
    await other.page.getByText('A request with a fault in an event is refused.').waitFor();
    const row = (name: string) => rows(other.page).filter({ hasText: name });
    await expect.poll(() => row('Nobody There').getAttribute('class'), soon).toContain('bad');
    expect(await row('Right One').getAttribute('class')).not.toContain('bad');
    expect(await textOf(row('Right One'))).toContain('400');
    await row('Right One').click();
    await other.page.getByText('Another event of its request is wrong: batch[1] has neither').waitFor();
    expect(other.faults).toEqual([]);
  });
});

describe('the switch', () => {
  test.each([
    { name: '429', seen: '429' },
    { name: '500', seen: '500' },
    { name: 'Drop connection', seen: 'dropped' },
  ])('makes the API misbehave by $name, and a client copes with it', async ({ name, seen }) => {
    const analytics = new Analytics({ writeKey: 'k', host: api.url, onError: () => {} });
    await page.getByRole('radio', { name }).check();
    await expect.poll(() => textOf(page.getByLabel('What the API does')), soon).toContain('Every request is');
    analytics.track({ userId: 'u', event: 'Held Back' });
    await expect.poll(() => textOf(rows(page).first()), soon).toContain(seen);
    await expect.poll(() => rows(page).count(), soon).toBeGreaterThan(1); // It tries again,
    await page.getByRole('radio', { name: 'Normal' }).check();
    await expect.poll(() => textOf(rows(page).first()), soon).toContain('200'); // and then it is through.
    expect(await textOf(rows(page).first())).not.toContain('Duplicate');
    await analytics.close();
    expect(analytics.stats()).toMatchObject({ delivered: 1, pending: 0, failed: 0 });
  });

  test('makes the API slow: the event is shown at once, and its reply later', async () => {
    await page.getByRole('radio', { name: 'Slow' }).check();
    await page.getByText('answered 3 seconds late').waitFor();
    const reply = send(trackEvent({ event: 'Slow One' }));
    await shows('Slow One');
    expect(await textOf(rows(page).first())).toContain('…');
    expect((await reply).status).toBe(200);
    await expect.poll(() => textOf(rows(page).first()), soon).toContain('200');
  });

  test('can affect some requests only, and shows what was set elsewhere', async () => {
    await page.getByRole('radio', { name: '500' }).check();
    await page.getByLabel('How often').selectOption({ label: '1 request in 2' });
    await page.getByText('1 request in 2 is answered with 500').waitFor();
    const statuses = new Set<number>();
    for (let n = 0; n < 40; n += 1) statuses.add((await send(trackEvent())).status);
    expect([...statuses].sort()).toEqual([200, 500]);
    await api.behave({ type: 'hang' });
    await page.getByText('Set elsewhere: {"type":"hang"}').waitFor();
    expect(await page.getByRole('radio', { checked: true }).count()).toBe(0);
    await api.reset();
    await expect.poll(() => page.getByRole('radio', { name: 'Normal' }).isChecked(), soon).toBe(true);
  });

  test('cannot be used by a page of another origin', async () => {
    const other = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<p>'),
    );
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const stranger = await page.context().newPage();
    await stranger.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    await stranger.evaluate(async (url) => {
      const body = JSON.stringify({ type: 'answer', status: 500 });
      // A form can send this much without asking first.
      await fetch(`${url}/_offthread/behave`, { method: 'POST', mode: 'no-cors', body });
      await fetch(`${url}/_offthread/stop`, { method: 'POST', mode: 'no-cors' });
    }, api.url);
    expect((await send(trackEvent())).status).toBe(200);
    await stranger.close();
    other.close();
  });
});

describe.each(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test('the page has no accessibility violation', async () => {
    await using other = await openPage(bench.browser, api, { colorScheme });
    const check = async (state: string): Promise<void> => {
      await other.page.evaluate(axe.source);
      const violations = await other.page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      });
      expect(violations, state).toEqual([]);
    };
    await check('empty');
    await send(trackEvent({ event: 'odd', properties: { n: 1, s: 'x', b: true, o: { deep: 1 } } }));
    await send({ type: 'identify', anonymousId: 'a', traits: { plan: 'pro' } });
    await send({ type: 'track' });
    await other.page.getByRole('radio', { name: '500' }).check();
    await send(trackEvent());
    await other.page.getByText('odd').click();
    await other.page.getByRole('complementary').waitFor();
    await check('an event opened');
    await other.page.getByRole('tab', { name: /Requests/ }).click();
    await rows(other.page).first().click();
    await other.page.getByRole('complementary').waitFor();
    await check('a request opened');
    expect(other.faults).toEqual([]);
  });
});

test('in a narrow window nothing is cut off at the sides, and an event replaces the list', async () => {
  await using narrow = await openPage(bench.browser, api, { viewport: { width: 360, height: 640 } });
  await send(trackEvent({ event: 'A Rather Long Name Of An Event That Goes On And On Completed' }));
  await rows(narrow.page).first().click();
  await narrow.page.getByRole('complementary').waitFor();
  expect(await narrow.page.getByRole('listbox').isVisible()).toBe(false);
  const width = await narrow.page.locator('html').evaluate((element) => element.scrollWidth);
  expect(width).toBeLessThanOrEqual(360);
  await narrow.page.getByRole('button', { name: 'Close' }).click();
  expect(await rows(narrow.page).first().isVisible()).toBe(true);
});
