// The live page as a whole: its counters, and what there is room for on a narrow screen.
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, test, vi } from 'vitest';
import { openPage, rows, textOf, withLivePage } from '../helpers/live-page.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

// A browser on a busy machine takes its time; each wait inside has a bound of its own.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const bench = withLivePage();
const soon = { timeout: 10_000, interval: 50 };

function send(...batch: Record<string, unknown>[]) {
  return post(bench.api.url, { batch, sentAt: new Date().toISOString() });
}

const tab = (name: string) => textOf(bench.page.getByRole('tab', { name }));
const counters = () => textOf(bench.page.getByLabel('Counters'));

describe('the counters', () => {
  test('agree with the lists, whatever the outcome of the events', async () => {
    await post(bench.api.url, batchOf(3));
    await bench.api.script([{ type: 'answer', status: 500 }]);
    await post(bench.api.url, batchOf(2));
    await expect.poll(() => tab('Events'), soon).toBe('Events 5');
    expect(await tab('Requests')).toBe('Requests 2');
    await expect.poll(counters, soon).toMatch(/^Events5Requests2Not accepted1 with 2 events/);
  });

  test('say how many of all events match, even after the list was cleared', async () => {
    const batch = (size: number, event: string) => Array.from({ length: size }, () => trackEvent({ event }));
    for (let n = 0; n < 4; n += 1) await send(...batch(2_500, 'Common Thing'));
    await send(...batch(100, 'Rare Thing'), ...batch(31, 'Other Thing'));
    await expect.poll(() => tab('Events'), soon).toBe('Events 10,131');
    await bench.page.getByLabel('Name').fill('rare');
    await expect.poll(() => tab('Events'), soon).toBe('Events 100 of 10,131');
    await bench.page.getByRole('button', { name: 'Clear' }).click();
    await expect.poll(() => tab('Events'), soon).toBe('Events 0 of 10,131');
    await bench.page.getByRole('button', { name: 'Show all' }).first().click();
    await send(trackEvent());
    await expect.poll(() => tab('Events'), soon).toBe('Events 1 of 10,132');
    expect(await tab('Requests')).toBe('Requests 1 of 6');
    await expect.poll(counters, soon).toMatch(/^Events10,132Requests6/);
  });

  test('say of how many events the newest are kept', async () => {
    const { page, api } = bench;
    for (let n = 0; n < 9; n += 1) await post(api.url, batchOf(2_500));
    await expect.poll(() => tab('Events'), soon).toMatch(/^Events 2\d,\d{3} of 22,500$/);
    await page.reload();
    await expect.poll(() => tab('Events'), soon).toBe('Events 20,000 of 22,500');
    await expect.poll(counters, soon).toMatch(/^Events22,500Requests9/);
  });
});

test('the name of the fault that drops connections says what it does, and is not next to the button that clears the list', async () => {
  const { page } = bench;
  expect(await page.getByText('Reset', { exact: true }).count()).toBe(0);
  await page.getByRole('radio', { name: 'Drop connection' }).check();
  await page.getByText('Every request is cut off without a reply').waitFor();
  const sent = await send(trackEvent()).then(
    () => 'answered',
    ({ code }: { code: string }) => code,
  );
  expect(sent).toBe('ECONNRESET');
  await expect.poll(() => textOf(rows(page).first()), soon).toContain('dropped');
  const fault = await page.getByText('Drop connection', { exact: true }).boundingBox();
  const clear = await page.getByRole('button', { name: 'Clear' }).boundingBox();
  expect(Math.abs((clear?.x ?? 0) - (fault?.x ?? 0))).toBeGreaterThan(300);
});

describe('on a narrow screen', () => {
  /** Where the rows begin, as a share of the height of the screen. */
  async function controlsOf(page: Page): Promise<number> {
    const list = await page.getByRole('listbox').boundingBox();
    return (list?.y ?? Number.NaN) / (page.viewportSize()?.height ?? 0);
  }

  test.each([
    { width: 390, height: 844 },
    { width: 360, height: 640 },
    { width: 844, height: 390 },
    { width: 1_280, height: 720 },
  ])('of $width by $height the controls take up at most a third', async (viewport) => {
    await using live = await openPage(bench.browser, bench.api, { viewport });
    const { page } = live;
    await send(trackEvent({ event: 'Thing Done', properties: { total: 7 } }));
    await rows(page).first().waitFor();
    expect(await controlsOf(page)).toBeLessThanOrEqual(1 / 3);
    await page.getByRole('radio', { name: 'Drop connection' }).check();
    await page.getByRole('radio', { name: 'Drop connection', checked: true }).waitFor();
    expect(await controlsOf(page)).toBeLessThanOrEqual(1 / 3);
    await page.getByRole('tab', { name: 'Requests' }).click();
    await rows(page).first().waitFor();
    expect(await controlsOf(page)).toBeLessThanOrEqual(1 / 3);
    const scrolled = await page.locator('html').evaluate((html) => html.scrollWidth);
    expect(scrolled).toBeLessThanOrEqual(viewport.width);
    expect(live.faults).toEqual([]);
  });

  test('type, name, preview, user and result of an event are all there', async () => {
    await using live = await openPage(bench.browser, bench.api, { viewport: { width: 390, height: 844 } });
    const { page } = live;
    const long = { ['key'.repeat(40)]: 'value'.repeat(40) };
    await send(
      trackEvent({ event: 'A Rather Long Name That Goes On Completed', userId: 'ada', properties: long }),
    );
    const row = rows(page).first();
    for (const part of ['.time', '.type', '.name', '.preview', '.user', '.outcome']) {
      const box = await row.locator(part).boundingBox();
      expect(box?.width, part).toBeGreaterThan(20);
      expect((box?.x ?? 0) + (box?.width ?? 0), part).toBeLessThanOrEqual(390);
    }
    const outer = await row.boundingBox();
    const preview = await row.locator('.preview').boundingBox();
    expect((preview?.y ?? 0) + (preview?.height ?? 0)).toBeLessThanOrEqual(
      (outer?.y ?? 0) + (outer?.height ?? 0),
    );
  });

  test('the filters open at a touch, and the number of active filters is shown', async () => {
    await using live = await openPage(bench.browser, bench.api, { viewport: { width: 390, height: 844 } });
    const { page } = live;
    await send(trackEvent({ event: 'Order Completed' }), {
      type: 'group',
      userId: 'u',
      groupId: 'acme',
      messageId: 'g',
    });
    await expect.poll(() => rows(page).count(), soon).toBe(2);
    expect(await page.getByRole('button', { name: 'group', exact: true }).isVisible()).toBe(false);
    const button = page.getByRole('button', { name: /^Filters/ });
    expect(await button.getAttribute('aria-expanded')).toBe('false');
    await button.click();
    await page.getByRole('button', { name: 'group', exact: true }).click();
    await expect.poll(() => rows(page).count(), soon).toBe(1);
    expect(await textOf(button)).toContain('1');
    expect(await controlsOf(page)).toBeLessThanOrEqual(1 / 2);
  });

  test.each(['light', 'dark'] as const)('has no accessibility violation in %s', async (colorScheme) => {
    const viewport = { width: 390, height: 844 };
    await using live = await openPage(bench.browser, bench.api, { viewport, colorScheme });
    const { page } = live;
    const check = async (state: string): Promise<void> => {
      await page.evaluate(axe.source);
      const violations = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
      });
      expect(violations, state).toEqual([]);
    };
    await send(trackEvent({ event: 'odd', properties: { text: 'x'.repeat(9_000), rlo: 'a\u202eb' } }));
    await send({ type: 'track' });
    await page.getByRole('radio', { name: 'Drop connection' }).check();
    await page.getByRole('button', { name: /^Filters/ }).click();
    await check('a list with filters');
    await rows(page).filter({ hasText: 'odd' }).click();
    await page.getByRole('complementary').waitFor();
    await check('an event');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('tab', { name: 'Requests' }).click();
    await rows(page).first().click();
    await page.getByRole('region', { name: 'Reply' }).waitFor();
    await check('a request');
  });
});
