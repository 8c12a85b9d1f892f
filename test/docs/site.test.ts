// What decides about the pages of the documentation site, without building it. `npm run test:docs` builds it and opens
// every page.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { filesIn, root } from '../helpers/markdown.js';

interface Item {
  text: string;
  link: string;
  items?: Item[];
}

interface Pages {
  entries: { name: string; source: string }[];
  placeOf(file: string): string | undefined;
  targetOf(file: string, link: string): string;
  sidebar(): { text: string; items: Item[] }[];
}

const file = new URL('../../site/pages.js', import.meta.url).href;
const { entries, placeOf, targetOf, sidebar } = (await import(file)) as Pages;
const groups = sidebar();
const items = groups.flatMap((group) => group.items);

test('the sidebar has every page of docs/', () => {
  const pages = filesIn('docs').filter((page) => page !== 'docs/README.md');
  expect(pages.length).toBeGreaterThan(25);
  const links = items.map(({ link }) => link);
  expect(pages.filter((page) => !links.includes(`/${placeOf(page)}`))).toEqual([]);
});

test('every entry of the sidebar is a page, and no two pages have the same place', () => {
  const places = filesIn('.').flatMap((each) => placeOf(each) ?? []);
  expect(new Set(places).size).toBe(places.length);
  const written = items.filter(({ link }) => !link.startsWith('/api/'));
  expect(written.filter(({ link }) => !places.includes(link.slice(1)))).toEqual([]);
  expect(items.length - written.length).toBe(1);
});

test('the sidebar is in the order in which readers need it', () => {
  const order = [
    'Start',
    'Frameworks',
    'Shutdown',
    'Durability and fleets',
    'Testing',
    'Migrating',
    'Reference',
  ];
  const places = order.map((title) => groups.findIndex(({ text }) => text.startsWith(title)));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((one, other) => one - other));
});

test('the API has a page for every public entry of the packages', () => {
  expect(entries.filter(({ source }) => !existsSync(join(root, source)))).toEqual([]);
  const names = entries.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['@offthread/sdk', '@offthread/sdk/testing/vitest', '@offthread/devtools']),
  );
  const api = items.find(({ link }) => link === '/api/');
  expect(api?.items?.map(({ text }) => text)).toEqual(names);
});

test.each([
  ['docs/fastify.md', '../README.md#fastify', '/#fastify'],
  ['docs/fastify.md', 'reference/settings.md', '/reference/settings.md'],
  ['docs/reference/methods.md', '../context.md', '/context.md'],
  ['docs/comparison.md', '../bench/RESULTS.md', '/benchmark.md'],
  ['docs/frameworks.md', '../examples/koa', '/examples/koa.md'],
  ['docs/testing.md', '../packages/devtools', '/packages/devtools.md'],
  [
    'packages/sdk/README.md',
    'https://github.com/offthread/offthread/blob/main/docs/README.md',
    '/contents.md',
  ],
  ['packages/relay/README.md', 'https://github.com/offthread/offthread#readme', '/'],
  [
    'docs/monitoring.md',
    'grafana-dashboard.json',
    'https://github.com/offthread/offthread/blob/main/docs/grafana-dashboard.json',
  ],
  ['README.md', 'LICENSE', 'https://github.com/offthread/offthread/blob/main/LICENSE'],
  ['README.md', '#speed', '#speed'],
  ['README.md', 'https://nodejs.org/api/', 'https://nodejs.org/api/'],
])('in %s, a link to %s becomes %s', (page, link, target) => {
  expect(targetOf(page, link)).toBe(target);
});
