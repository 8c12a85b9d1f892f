// In: a running local Tracking API. Out: its live page in a browser, and what the tests look for on it.
import type { TrackingApi } from '@offthread/devtools';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** Rows are found by what a screen reader would be told. */
export function rows(page: Page) {
  return page.getByRole('listbox').getByRole('option');
}

/** All text of an element, what only a screen reader is told too. */
export async function textOf(locator: Locator): Promise<string> {
  return (await locator.textContent()) ?? '';
}

/** The texts of the rows that exist, top first. */
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

/** An open page, and everything that went wrong on it. */
export interface LivePage extends AsyncDisposable {
  page: Page;
  faults: string[];
}

/** Opens the page in a fresh profile. */
export async function openPage(
  browser: Browser,
  api: TrackingApi,
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
