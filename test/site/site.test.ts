// The documentation site in a browser: as `npm run test:docs` has built it, and built again for an address with a path.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { filesIn, root } from '../helpers/markdown.js';

interface VitePress {
  serve(options: { root: string; base: string; port: number }): Promise<{ server: Server }>;
}

/** A served site. */
interface Site {
  origin: string;
  /** The path of its home page. */
  base: string;
}

interface Opened {
  ids: Set<string>;
  links: string[];
}

interface Tab extends AsyncDisposable {
  page: Page;
  /** Errors of the page, failed requests, and requests to other hosts. */
  faults: string[];
}

const dist = join(root, 'site/dist');
const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).map((file) =>
  file.replaceAll('\\', '/'),
);
const paths = files
  .filter((file) => file.endsWith('.html') && file !== '404.html')
  .map((file) => `/${file.replace(/(^|(?<=\/))index\.html$|\.html$/, '')}`);
const { repository } = JSON.parse(readFileSync(join(root, 'packages/sdk/package.json'), 'utf8'));
const repositoryFiles = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/`;

let browser: Browser;
const servers: Server[] = [];
/** At the root of its host, and below a path, as GitHub Pages has it. */
const sites: Record<string, Site> = {};
const BASES = ['/', '/offthread/'];

beforeAll(async () => {
  browser = await launchBrowser();
  const file = join(root, 'site/node_modules/vitepress/dist/node/index.js');
  const { serve } = (await import(pathToFileURL(file).href)) as VitePress;
  for (const base of BASES) {
    if (base !== '/') await build(base);
    const { server } = await serve({ root: join(root, 'site'), base, port: 0 });
    servers.push(server);
    if (!server.listening) await once(server, 'listening');
    sites[base] = { origin: `http://localhost:${(server.address() as AddressInfo).port}`, base };
  }
  delete process.env['OFFTHREAD_SITE_DIST'];
}, 180_000);

/** Builds the site again, in a folder of its own. */
async function build(base: string): Promise<void> {
  // site/.vitepress/config.js reads it, also when the site is served.
  process.env['OFFTHREAD_SITE_DIST'] = 'generated/below';
  const args = ['node_modules/vitepress/bin/vitepress.js', 'build', '--base', base];
  const { NODE_ENV: _, ...env } = process.env;
  await promisify(execFile)(process.execPath, args, { cwd: join(root, 'site'), env, maxBuffer: 2 ** 26 });
}

function siteAt(base: string): Site {
  const site = sites[base];
  if (site === undefined) throw new Error(`no site at ${base}`);
  return site;
}

afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
});

async function newTab({ origin }: Site, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`${page.url()}: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) faults.push(request.url());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** Opens a page and waits until its script runs, which reports differences to the HTML. */
async function open({ origin, base }: Site, page: Page, path: string): Promise<void> {
  await page.goto(`${origin}${base}${path.slice(1)}`);
  await page.waitForFunction("document.querySelector('#app')?.__vue_app__ !== undefined");
}

async function read(page: Page): Promise<Opened> {
  const links = await hrefsOf(page, 'a[href]');
  const ids = await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => id));
  return { links: links.map((link) => new URL(link, page.url()).href), ids: new Set(ids) };
}

function hrefsOf(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
}

/** Whether a link leads to a heading of an opened page, or to a file of the repository. Other sites are not visited. */
function isBroken({ origin, base }: Site, link: string, opened: Map<string, Opened>): boolean {
  const { href, origin: host, pathname, hash } = new URL(link);
  if (href.startsWith(repositoryFiles)) {
    return !existsSync(join(root, decodeURIComponent(pathname.split('/blob/main/')[1] ?? '')));
  }
  if (host !== origin) return false;
  if (!pathname.startsWith(base)) return true;
  const target = opened.get(`/${pathname.slice(base.length)}`);
  return target === undefined || (hash !== '' && !target.ids.has(decodeURIComponent(hash.slice(1))));
}

describe.each(BASES)('at %s', (base) => {
  test('every page opens without an error, has a title, and each of its links leads to a page and a heading', async () => {
    const site = siteAt(base);
    await using tab = await newTab(site);
    const { page, faults } = tab;
    const opened = new Map<string, Opened>();
    for (const path of paths) {
      await open(site, page, path);
      expect(await page.locator('h1').count(), path).toBeGreaterThan(0);
      opened.set(path, await read(page));
    }
    expect(faults).toEqual([]);
    expect(opened.size).toBeGreaterThan(60);
    const links = [...opened].flatMap(([path, { links: all }]) => all.map((link) => ({ path, link })));
    expect(links.length).toBeGreaterThan(1_000);
    expect(links.filter(({ link }) => isBroken(site, link, opened))).toEqual([]);
  });

  test.each([
    ['systemd', 'shutdown'],
    ['expressAnalytics', 'api/sdk-express'],
  ])('the search for %s leads to %s', async (word, path) => {
    const site = siteAt(base);
    await using tab = await newTab(site);
    const { page, faults } = tab;
    await open(site, page, '/');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('searchbox').fill(word);
    await page.locator(`#localsearch-list a[href^="${base}${path}"]`).first().click();
    await page.waitForURL((url) => url.pathname === `${base}${path}`);
    await expect.poll(() => page.locator('main').textContent()).toContain(word);
    expect(faults).toEqual([]);
  });

  test('a page shows the charts of its theme', async () => {
    const site = siteAt(base);
    await using tab = await newTab(site, { colorScheme: 'dark' });
    await open(site, tab.page, '/benchmark');
    const widths = () =>
      tab.page
        .locator('main img.in-dark')
        .evaluateAll((all) => all.map((each) => (each as unknown as { naturalWidth: number }).naturalWidth));
    await expect.poll(widths).toEqual(Array(4).fill(720));
    expect(tab.faults).toEqual([]);
  });
});

test('every Markdown file of docs/ has a page', () => {
  const pages = filesIn('docs').map((file) => file.replace(/^docs/, '').replace(/\.md$/, ''));
  expect(pages.filter((path) => !paths.includes(path.replace('/README', '/contents')))).toEqual([]);
});

test('each entry of the sidebar leads to its page by a click', async () => {
  await using tab = await newTab(siteAt('/'));
  const { page, faults } = tab;
  await open(siteAt('/'), page, '/');
  const targets = await hrefsOf(page, '#VPSidebarNav a[href]');
  expect(targets.length).toBeGreaterThan(30);
  for (const target of targets.filter((each) => !/^\/api\/./.test(each))) {
    const title = await page.locator('h1').first().textContent();
    await page.locator(`#VPSidebarNav a[href="${target}"]`).click();
    await page.waitForURL(`${siteAt('/').origin}${target}`);
    await expect.poll(() => page.locator('h1').first().textContent()).not.toBe(title);
  }
  expect(faults).toEqual([]);
});

test('a reader can switch to dark, charts too, and it stays dark', async () => {
  await using tab = await newTab(siteAt('/'), { colorScheme: 'light' });
  const { page, faults } = tab;
  await open(siteAt('/'), page, '/benchmark');
  const charts = page.locator('main img');
  const shown = () =>
    charts.filter({ visible: true }).evaluateAll((all) => all.map((each) => each.className));
  const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
  expect(await shown()).toEqual(Array(4).fill('in-light'));
  expect(await background()).toBe('rgb(255, 255, 255)');

  await page.getByRole('switch', { name: /dark/i }).first().click();
  await expect.poll(background).toBe('rgb(27, 27, 31)');
  expect(await shown()).toEqual(Array(4).fill('in-dark'));
  await page.reload();
  expect(await background()).toBe('rgb(27, 27, 31)');
  expect(await shown()).toEqual(Array(4).fill('in-dark'));
  await expect
    .poll(() =>
      charts.evaluateAll((all) =>
        all.map((each) => (each as unknown as { naturalWidth: number }).naturalWidth),
      ),
    )
    .toEqual(Array(8).fill(720));
  expect(faults).toEqual([]);
});

test('a chart has the theme of its name, whatever the system has', async () => {
  await using tab = await newTab(siteAt('/'), { colorScheme: 'dark' });
  for (const [theme, background] of [
    ['light', 'rgb(255, 255, 255)'],
    ['dark', 'rgb(13, 17, 23)'],
  ]) {
    const file = files.find((each) => each.includes(`${theme}-main-thread.`));
    await tab.page.goto(`${siteAt('/').origin}/${file}`);
    const fill = await tab.page
      .locator('.background')
      .evaluate((shape) => shape.ownerDocument.defaultView?.getComputedStyle(shape).fill);
    expect(fill).toBe(background);
  }
});

test('a reader whose system is dark gets a dark site', async () => {
  await using tab = await newTab(siteAt('/'), { colorScheme: 'dark' });
  await open(siteAt('/'), tab.page, '/');
  expect(await tab.page.locator('html').getAttribute('class')).toContain('dark');
  expect(tab.faults).toEqual([]);
});

test('no page has a script, style or font from elsewhere', () => {
  const texts = files.filter((file) => /\.(html|css)$/.test(file));
  const foreign = texts.flatMap((file) => {
    const text = readFileSync(join(dist, file), 'utf8');
    const found = text.matchAll(
      /<(?:script|link|img|iframe)\b[^>]*(?:https?:)?\/\/[^>]*>|(?:@import|url\()\s*["']?(?:https?:)?\/\/[^)"']*/g,
    );
    return [...found]
      .map(([part]) => ({ file, part }))
      .filter(({ part }) => !part.includes('data:image/svg+xml'));
  });
  expect(texts.length).toBeGreaterThan(60);
  expect(foreign).toEqual([]);
});
