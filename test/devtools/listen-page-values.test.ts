// How the live page shows what events contain: long, hostile, or merely odd.
import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { namesOf, rows, textOf, withLivePage } from '../helpers/live-page.js';
import { post, trackEvent } from '../helpers/raw-client.js';

// A browser on a busy machine takes its time; each wait inside has a bound of its own.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const bench = withLivePage();
const soon = { timeout: 10_000, interval: 50 };

const RLO = '\u202e';
/** What can reorder, hide or break text without being seen. Emoji and Persian need the two joiners. */
const TREACHEROUS = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

function send(...batch: Record<string, unknown>[]) {
  return post(bench.api.url, { batch, sentAt: new Date().toISOString() });
}

/** Opens the row at a place, counted from the top. */
async function open(place: number): Promise<void> {
  await rows(bench.page).nth(place).click();
  await bench.page.getByRole('complementary').waitFor();
}

function clipboard(): Promise<string> {
  return bench.page.evaluate('navigator.clipboard.readText()');
}

/** The text and the attributes of the whole page. */
function everything(): Promise<string> {
  return bench.page.locator('html').evaluate((html) => {
    const attributes = [...html.querySelectorAll('*')].flatMap((element) =>
      [...element.attributes].map(({ value }) => value),
    );
    return `${html.textContent}\n${attributes.join('\n')}`;
  });
}

describe('a long value', () => {
  const words = 'Long Words '.repeat(2_000);

  test('is folded in the list and in the heading, and can be opened', async () => {
    const { page } = bench;
    await send(trackEvent({ event: words, userId: 'u'.repeat(5_000) }));
    await expect.poll(() => rows(page).count(), soon).toBe(1);
    expect((await textOf(rows(page).first())).length).toBeLessThan(1_000);
    await open(0);
    const panel = page.getByRole('complementary');
    expect((await panel.getAttribute('aria-label'))?.length).toBeLessThan(200);
    const heading = page.getByRole('heading', { level: 2 });
    expect((await textOf(heading)).length).toBeLessThan(500);
    await heading.getByRole('button', { name: 'Show all 22,000 characters' }).click();
    expect((await textOf(heading)).length).toBeGreaterThan(21_000);
    await heading.getByRole('button', { name: 'Show less' }).click();
    expect((await textOf(heading)).length).toBeLessThan(500);
  });

  test('is folded in the tree, and so is a long name, and can be opened with the keyboard', async () => {
    const { page } = bench;
    await send(trackEvent({ event: 'Long One', properties: { ['k'.repeat(3_000)]: 1, text: words } }));
    await open(0);
    const tree = page.getByRole('tree');
    expect((await textOf(tree)).length).toBeLessThan(2_500);
    const line = page.getByRole('treeitem', { name: /^text: "Long Words/ });
    expect(await line.getAttribute('aria-expanded')).toBe('false');
    expect(await textOf(line)).toContain('22,000 characters');
    await line.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(async () => (await textOf(line)).length, soon).toBeGreaterThan(21_000);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(async () => (await textOf(line)).length, soon).toBeLessThan(1_000);
    await page.getByRole('treeitem', { name: /^kkk/ }).click();
    await expect.poll(() => textOf(tree), soon).toContain('k'.repeat(3_000));
  });

  test('is folded in the details of a request', async () => {
    const { page } = bench;
    const headers = { 'user-agent': 'agent '.repeat(1_000).trim() };
    await post(bench.api.url, '{}', { path: `/${'path/'.repeat(1_000)}`, headers });
    await page.getByRole('tab', { name: 'Requests' }).click();
    await open(0);
    const panel = page.getByRole('complementary');
    await panel.getByText('user-agent').first().waitFor();
    const { height } = (await panel.getByRole('heading', { level: 2 }).boundingBox()) ?? { height: 0 };
    expect(height).toBeLessThan(250);
    expect((await textOf(panel)).length).toBeLessThan(4_000);
  });
});

describe('characters that reorder or hide text', () => {
  const fields = {
    [`key${RLO}yek`]: `value${RLO}eulav`,
    escape: '\u001b[31mred',
    hidden: 'a\u200bb\u2066c\u2069\u061cd\ufeff',
    next: 'one\u0085two\u2028three',
  };
  const event = { event: `Invoice${RLO}gpj.exe Paid`, userId: `adm${RLO}nimda`, properties: fields };

  test('are escaped wherever they are shown, and for screen readers', async () => {
    const { page } = bench;
    await send(trackEvent(event));
    await post(bench.api.url, `{"batch":[],"${RLO}":1}`, { headers: { 'x-odd': '\u0085' } });
    await expect.poll(() => namesOf(page), soon).toEqual(['Invoice\\u202egpj.exe Paid']);
    await open(0);
    await page.getByRole('heading', { name: 'Invoice\\u202egpj.exe Paid' }).waitFor();
    await page.getByRole('treeitem', { name: 'key\\u202eyek: "value\\u202eeulav"' }).waitFor();
    await page.getByRole('treeitem', { name: 'escape: "\\u001b[31mred"' }).waitFor();
    expect(await everything()).not.toMatch(TREACHEROUS);
    await page.getByRole('tab', { name: 'Requests' }).click();
    for (const place of [0, 1]) {
      await open(place);
      await page.getByRole('region', { name: 'Body' }).getByText('batch').waitFor();
      expect(await everything()).not.toMatch(TREACHEROUS);
    }
  });

  test('are escaped in copies and exports, which keep their meaning', async () => {
    const { page } = bench;
    const sent = trackEvent(event);
    await send(sent);
    await open(0);
    await page.getByRole('button', { name: 'Copy as JSON' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const json = await clipboard();
    expect(json).not.toMatch(TREACHEROUS);
    expect(JSON.parse(json)).toEqual(sent);
    await page.getByRole('button', { name: 'Copy as code' }).click();
    await expect.poll(clipboard, soon).toContain('analytics.track');
    expect(await clipboard()).not.toMatch(TREACHEROUS);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    const text = await readFile(await (await download).path(), 'utf8');
    expect(text).not.toMatch(TREACHEROUS);
    expect(JSON.parse(text)).toEqual(sent);
  });

  test('of a right-to-left script are not escaped, and affect only their own text', async () => {
    const { page } = bench;
    await send(trackEvent({ event: 'مرحبا Completed', properties: { שלום: 'עולם 123' } }));
    await expect.poll(() => namesOf(page), soon).toEqual(['مرحبا Completed']);
    await open(0);
    // The name stands before its value although both would run the other way.
    const line = page.getByRole('treeitem', { name: 'שלום' });
    const name = await line.locator('.field').boundingBox();
    const value = await line.locator('.string').boundingBox();
    expect(name?.x).toBeLessThan(value?.x ?? 0);
  });
});

describe('a row', () => {
  test('previews properties and traits, in a few characters', async () => {
    const { page } = bench;
    await post(
      bench.api.url,
      `{"batch":[${JSON.stringify(trackEvent({ event: 'Order Completed' })).slice(0, -1)},"properties":{"total":39.90,"big":12345678901234567890,"list":[1,2],"in":{"a":1},"none":null}}]}`,
    );
    await send(
      { type: 'identify', userId: 'u', messageId: 'i', traits: { plan: 'pro', note: 'x'.repeat(9_000) } },
      trackEvent({ event: 'Nothing More' }),
    );
    const preview = (place: number) => textOf(rows(page).nth(place).locator('.preview'));
    await expect.poll(() => rows(page).count(), soon).toBe(3);
    expect(await preview(0)).toBe('');
    expect(await preview(1)).toMatch(/^plan: pro, note: x+…$/);
    expect((await preview(1)).length).toBeLessThan(200);
    expect(await preview(2)).toBe('total: 39.90, big: 12345678901234567890, list: [2], in: {1}, none: null');
  });

  test('marks a missing user as a problem, and an unusual name as a matter of style', async () => {
    const { page } = bench;
    await send(
      trackEvent({ event: 'order_completed' }),
      trackEvent({ event: 'No Id', messageId: undefined }),
    );
    await post(bench.api.url, { batch: [{ type: 'track', event: 'nobody', messageId: 'n' }] });
    await expect.poll(() => rows(page).count(), soon).toBe(3);
    const row = (text: string) => rows(page).filter({ hasText: text });
    const colour = (text: string) =>
      row(text)
        .locator('.warn')
        .evaluate((element) => element.ownerDocument.defaultView?.getComputedStyle(element).color);
    expect(await textOf(row('nobody').locator('.warn'))).toMatch(/^⚠ No user/);
    expect(await textOf(row('order_completed').locator('.warn'))).toBe('Name not “Object Action”');
    expect(await colour('order_completed')).not.toBe(await colour('No Id'));
    // Filtering by warnings leaves style out; style has a filter of its own.
    await page.getByRole('button', { name: 'warnings' }).click();
    await expect.poll(() => namesOf(page), soon).toEqual(['nobody', 'No Id']);
    await page.getByRole('button', { name: 'warnings' }).click();
    await page.getByRole('button', { name: 'style' }).click();
    await expect.poll(() => namesOf(page), soon).toEqual(['nobody', 'order_completed']);
    await rows(page).nth(1).click();
    expect(await page.getByRole('list', { name: 'Warnings' }).count()).toBe(0);
    expect(await textOf(page.getByRole('list', { name: 'Style' }))).toContain('Object Action');
  });
});

test('the matching events are exported as NDJSON, each as it was sent', async () => {
  const { page, api } = bench;
  const one =
    '{"type":"track","userId":"u","event":"Kept One","messageId":"1",\r\n  "properties":{"price":39.90,"id":12345678901234567890}}';
  const other = '{"type":"track","userId":"u","event":"Other One","messageId":"2"}';
  const two = '{"type":"track","userId":"u","event":"Kept Two","messageId":"3"}';
  await post(api.url, `{"batch":[${one},${other},${two}]}`);
  await expect.poll(() => rows(page).count(), soon).toBe(3);
  await page.getByLabel('Name').fill('kept');
  await expect.poll(() => rows(page).count(), soon).toBe(2);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export' }).click();
  expect((await download).suggestedFilename()).toMatch(/^offthread-\d{4}-\d\d-\d\dT[\d-]+Z?\.ndjson$/);
  const text = await readFile(await (await download).path(), 'utf8');
  expect(text).toBe(`${one.replace('\r\n', ' ')}\n${two}\n`);
});
