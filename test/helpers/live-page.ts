// Opens the live page of a local Tracking API in a browser.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launchBrowser } from './browser.js';

/** Finds rows by their accessible names. */
export function rows(page: Page) {
  return page.getByRole('listbox').getByRole('option');
}

/** Returns all text of an element, including text that only screen readers see. */
export async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? '';
}

/** The texts of the rendered rows, from top to bottom. */
export async function namesOf(page: Page): Promise<string[]> {
  const list = page.getByRole('listbox');
  return list.evaluate((element) =>
    [...element.querySelectorAll('[role=option]')]
      .sort(
        (one, other) =>
          Number(one.getAttribute('aria-posinset')) - Number(other.getAttribute('aria-posinset')),
      )
      .map((row) => row.querySelector('.name')?.textContent ?? ''),
  );
}

/** An open page, and all errors that it reported. */
export interface LivePage extends AsyncDisposable {
  page: Page;
  faults: string[];
}

/** Opens the page with a fresh profile. */
export async function openPage(
  browser: Browser,
  api: Pick<TrackingApi, 'url'>,
  options: BrowserContextOptions = {},
): Promise<LivePage> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: api.url });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  await page.goto(`${api.url}/`);
  await page.getByText('Live', { exact: true }).waitFor();
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** The browser and the API of a test file. The page is new for each test, and the API is reset. */
export interface LiveBench {
  readonly browser: Browser;
  readonly api: TrackingApi;
  readonly page: Page;
  /** The errors that the page has reported. Empty it if a test expects some. */
  readonly faults: string[];
}

/** Sets up API and page for a test file. A test fails if the page reports an error. */
export function withLivePage(): LiveBench {
  let browser: Browser | undefined;
  let api: TrackingApi | undefined;
  let live: LivePage | undefined;

  beforeAll(async () => {
    [browser, api] = await Promise.all([launchBrowser(), startTrackingApi({ in: 'thread', page: true })]);
  });
  afterAll(async () => {
    await browser?.close();
    await api?.close();
  });
  beforeEach(async () => {
    await api?.reset();
    live = await openPage(started(browser), started(api));
  });
  afterEach(async () => {
    await live?.[Symbol.asyncDispose]();
    expect(live?.faults).toEqual([]);
  });

  return {
    get browser() {
      return started(browser);
    },
    get api() {
      return started(api);
    },
    get page() {
      return started(live).page;
    },
    get faults() {
      return started(live).faults;
    },
  };
}

function started<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('not started yet');
  return thing;
}
