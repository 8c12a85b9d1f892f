// The documentation as a whole: the README is short, no link is broken, and the reference is complete. readme.test.ts
// runs the examples.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Analytics, AnalyticsError, type DiagnosticMessages, type ErrorCode } from '@offthread/sdk';
import type { ExpressAnalyticsOptions } from '@offthread/sdk/express';
import type { FastifyAnalyticsOptions } from '@offthread/sdk/fastify';
import { describe, expect, test } from 'vitest';
import { anchorsOf, filesIn, linksOf, read, root, tableRows } from '../helpers/markdown.js';

const FRAMEWORKS = ['express', 'fastify', 'hono', 'koa', 'nestjs', 'next'];

/** Types that only build others, or are private in fact. */
const PARTS = [
  'AnyEvent',
  'BoundRequest',
  'Common',
  'Concerned',
  'Counts',
  'DeclaredEvents',
  'ErrorDetails',
  'FailureCode',
  'Fields',
  'Listener',
  'Lost',
  'Method',
  'Name',
  'NodeRequest',
  'PageName',
  'PropertiesField',
  'RequestBinder',
  'RequestFields',
  'Retry',
  'Run',
  'ScopedEvents',
  'State',
];

test('the README has at most 250 lines and 14 kB', () => {
  const readme = read('README.md');
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(14_000);
});

test('docs/README.md links to every page of the documentation', () => {
  const linked = linksOf(read('docs/README.md')).map((link) => join('docs', link.split('#')[0] ?? ''));
  const pages = filesIn('docs').filter((page) => page !== 'docs/README.md');
  expect(pages.filter((page) => !linked.includes(page))).toEqual([]);
});

describe('links', () => {
  const { repository } = JSON.parse(read('packages/sdk/package.json'));
  const home: string = repository.url.replace(/^git\+|\.git$/g, '');

  /** The file or folder of this repository that a link points to, with its anchor; undefined for other links. */
  function targetOf(file: string, link: string): [path: string, anchor: string | undefined] | undefined {
    const [address = '', anchor] = link.split('#');
    if (link.startsWith(`${home}/blob/main/`) || link.startsWith(`${home}/tree/main/`)) {
      return [address.slice(`${home}/blob/main/`.length), anchor];
    }
    if (address === home) return ['README.md', anchor === 'readme' ? undefined : anchor];
    if (/^(https?|mailto):/.test(link)) return undefined;
    return [address === '' ? file : join(dirname(file), address), anchor];
  }

  function isBroken(file: string, link: string): boolean {
    const target = targetOf(file, link);
    if (target === undefined) return false;
    const [path, anchor] = target;
    if (link.startsWith('/') || !existsSync(join(root, path))) return true;
    if (anchor === undefined) return false;
    const page = path.endsWith('.md') ? path : join(path, 'README.md');
    return !existsSync(join(root, page)) || !anchorsOf(read(page)).has(anchor);
  }

  test('point to existing files and headings', () => {
    const links = filesIn('.').flatMap((file) => linksOf(read(file)).map((link) => ({ file, link })));
    expect(links.length).toBeGreaterThan(100);
    expect(links.filter(({ file, link }) => isBroken(file, link))).toEqual([]);
  });

  test('in the issue templates point to existing files', () => {
    const links = filesIn('.github', '.yml').flatMap((file) =>
      [...read(file).matchAll(/https:\/\/[^\s)]+/g)].map(([link]) => ({ file, link })),
    );
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter(({ file, link }) => isBroken(file, link))).toEqual([]);
  });

  test('in published files work on npm: they stay within the package or are absolute', () => {
    const files = filesIn('packages').filter((file) => {
      const { private: isPrivate } = JSON.parse(read(join(packageOf(file), 'package.json')));
      return isPrivate !== true;
    });
    expect(files).toContain('packages/sdk/README.md');
    const outside = files.flatMap((file) =>
      linksOf(read(file))
        .filter(
          (link) => !link.startsWith('https:') && !join(dirname(file), link).startsWith(packageOf(file)),
        )
        .map((link) => ({ file, link })),
    );
    expect(outside).toEqual([]);
  });
});

function gettersOf(prototype: object): string[] {
  const members = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  return members.filter(([, { get }]) => get !== undefined).map(([name]) => name);
}

function packageOf(file: string): string {
  return file.split('/', 2).join('/');
}

describe('the reference', () => {
  test('has every setting, with its default', async () => {
    const file = import.meta.resolve('@offthread/sdk/settings');
    const { resolveSettings } = (await import(file)) as {
      resolveSettings(given: object): Record<string, unknown> & { url: string };
    };
    const { url, writeKey: _, ...defaults } = resolveSettings({ writeKey: 'KEY', proxy: false });
    const rows = tableRows(read('docs/reference/settings.md'), 'Setting');
    const { writeKey, host = '', region = '', path = '', ...others } = Object.fromEntries(rows);
    expect(new Set(rows.map(([name]) => name)).size).toBe(rows.length);
    expect(writeKey).toBe('required');
    expect(host.slice(1, -1) + path.slice(1, -1)).toBe(url);
    expect(resolveSettings({ writeKey: 'KEY', region: region.slice(1, -1) }).url).toBe(url);
    expect(others).toEqual(
      Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, asShown(value)])),
    );
  });

  function asShown(value: unknown): string {
    if (value === undefined) return 'none';
    return typeof value === 'number' ? value.toLocaleString('en-US') : JSON.stringify(value);
  }

  test('has every error code', () => {
    const codes: Record<ErrorCode, true> = {
      invalid_setting: true,
      invalid_event: true,
      queue_full: true,
      closed: true,
      unserializable: true,
      before_send: true,
      before_send_failed: true,
      event_too_large: true,
      worker_crashed: true,
      worker_delayed: true,
      worker_unavailable: true,
      exit_timeout: true,
      rejected: true,
      redirected: true,
      tls_refused: true,
      token_refused: true,
      retries_exhausted: true,
      retry_duration_exceeded: true,
      callback_failed: true,
      spool_full: true,
      spool_expired: true,
      spool_damaged: true,
      spool_failed: true,
      spool_foreign: true,
      stored: true,
    };
    const rows = tableRows(read('docs/reference/errors.md'), 'Code');
    expect(rows.map(([code]) => code).sort()).toEqual(Object.keys(codes).sort());
  });

  test('has every property of an AnalyticsError', () => {
    const error = new AnalyticsError('closed', 'MESSAGE', { cause: 'CAUSE' });
    const names = [...Object.getOwnPropertyNames(error), ...gettersOf(AnalyticsError.prototype)];
    const rows = tableRows(read('docs/reference/errors.md'), 'Property').map(([name]) => name);
    expect(rows.sort()).toEqual(names.filter((name) => name !== 'name' && name !== 'stack').sort());
  });

  test('has every method of a client', () => {
    const methods = Object.getOwnPropertyNames(Analytics.prototype).filter((name) => name !== 'constructor');
    expect(methods.length).toBeGreaterThan(10);
    const page = read('docs/reference/methods.md');
    const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
    expect(methods.filter((name) => !headings.includes(name))).toEqual([]);
  });

  test('has every count of stats()', () => {
    const counts = Object.keys(new Analytics({ writeKey: 'KEY', disable: true }).stats());
    const rows = tableRows(read('docs/reference/methods.md'), 'Count').flatMap(([names = '']) =>
      names.split(', '),
    );
    expect(rows.sort()).toEqual(counts.sort());
  });

  test('has every option of the Fastify plugin', () => {
    type Own = Exclude<keyof FastifyAnalyticsOptions, keyof ConstructorParameters<typeof Analytics>[0]>;
    const options: Record<Own, true> = {
      client: true,
      closeClient: true,
      identify: true,
      context: true,
      decorateAs: true,
      withContext: true,
    };
    const [settings, ...rows] = tableRows(read('docs/fastify.md'), 'Option').map(([name]) => name);
    expect(settings).toContain('settings');
    expect(rows).toEqual(Object.keys(options));
  });

  test('has every option of the other frameworks', () => {
    const options: Record<keyof ExpressAnalyticsOptions, true> = {
      identify: true,
      context: true,
      withContext: true,
      decorateAs: true,
    };
    const rows = tableRows(read('docs/frameworks.md'), 'Option').map(([name]) => name);
    expect(rows).toEqual(Object.keys(options));
  });

  // What isn't exported has no fields in the API reference. `packages/sdk/api` has all types that public ones refer to.
  test('of the API has every type whose fields a reader could look for', () => {
    const reports = ['index', ...FRAMEWORKS, 'compat', 'prometheus', 'otel', 'testing'].map((name) =>
      read(`packages/sdk/api/${name}.api.md`),
    );
    const exported = new Set<string>();
    const named = new Set<string>();
    for (const report of reports) {
      for (const [, isExported, name = ''] of report.matchAll(
        /^(export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const) (\w+)/gm,
      ))
        (isExported ? exported : named).add(name);
      for (const [, names = ''] of report.matchAll(/^export \{(.*?)\}/gms))
        for (const name of names.split(',')) exported.add(name.trim());
    }
    expect(exported).toContain('SpoolSettings');
    // If two types have the same name, the report adds a number to one.
    const missing = [...named].filter((name) => !exported.has(name) && !/_\d$/.test(name));
    expect(missing.sort()).toEqual(PARTS);
  });

  test('has every diagnostics channel', () => {
    const channels: Record<keyof DiagnosticMessages, true> = {
      'offthread:delivered': true,
      'offthread:postponed': true,
      'offthread:retried': true,
      'offthread:failed': true,
      'offthread:dropped': true,
      'offthread:refused': true,
      'offthread:left': true,
      'offthread:recovered': true,
      'offthread:spool': true,
      'offthread:worker-restarted': true,
    };
    const rows = tableRows(read('docs/monitoring.md'), 'Channel').map(([name]) => name);
    expect(rows).toEqual(Object.keys(channels));
  });
});
