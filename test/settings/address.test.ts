// host, region, path and allowInsecureHost: in whatever form an address is pasted, events are sent to the right one.
import { expect, test } from 'vitest';
import { refusedWith, workerSettings } from '../helpers/settings.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();
const SEGMENT = 'https://api.segment.io/v1/batch';

test.each([
  ['a bare host', { host: 'api.segment.io' }, SEGMENT],
  ['a bare host with /v1', { host: 'api.segment.io/v1' }, SEGMENT],
  ['a scheme', { host: 'https://api.segment.io' }, SEGMENT],
  ['a trailing slash', { host: 'https://api.segment.io/' }, SEGMENT],
  ['/v1', { host: 'https://api.segment.io/v1' }, SEGMENT],
  ['/v1 and a slash', { host: 'https://api.segment.io/v1/' }, SEGMENT],
  ['blanks around it', { host: '  api.segment.io \n' }, SEGMENT],
  ['capital letters', { host: 'HTTPS://API.Segment.IO' }, SEGMENT],
  ['the default port', { host: 'https://api.segment.io:443' }, SEGMENT],
  ['a port', { host: 'proxy.example.com:8443' }, 'https://proxy.example.com:8443/v1/batch'],
  ['a base path', { host: 'https://example.com/segment/' }, 'https://example.com/segment/v1/batch'],
  ['a base path and /v1', { host: 'https://example.com/a/v1/' }, 'https://example.com/a/v1/batch'],
  [
    'a base path that only ends in v1',
    { host: 'https://example.com/av1' },
    'https://example.com/av1/v1/batch',
  ],
  ['a bare loopback name', { host: 'localhost:3000' }, 'http://localhost:3000/v1/batch'],
  ['a bare loopback address', { host: '127.0.0.1:3000/' }, 'http://127.0.0.1:3000/v1/batch'],
  ['a bare IPv6 loopback address', { host: '[::1]:3000' }, 'http://[::1]:3000/v1/batch'],
  ['https on loopback', { host: 'https://localhost:3000' }, 'https://localhost:3000/v1/batch'],
  ['region us', { region: 'us' }, SEGMENT],
  ['region eu', { region: 'eu' }, 'https://events.eu1.segmentapis.com/v1/batch'],
  ['a path', { path: '/v1/import' }, 'https://api.segment.io/v1/import'],
  ['the path /', { path: '/' }, 'https://api.segment.io/'],
  ['host and path', { host: 'example.com/v1', path: '/t/b' }, 'https://example.com/t/b'],
])('%s: events go to the right address', async (_, given, url) => {
  expect((await workerSettings(given)).url).toBe(url);
});

test.each(['', '/', '/v1', '/v1/'])(
  "events arrive at a bare loopback host with '%s' after it",
  async (end) => {
    const analytics = bench.open({ host: `127.0.0.1:${bench.api.port}${end}` });
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    expect((await bench.api.requests()).map(({ path }) => path)).toEqual(['/v1/batch']);
    expect(await bench.api.events()).toHaveLength(1);
  },
);

test('events arrive at the configured path', async () => {
  const analytics = bench.open({ path: '/v1/import' });
  analytics.track({ userId: 'u', event: 'e' });
  flushed(analytics);
  expect((await bench.api.requests()).map(({ path }) => path)).toEqual(['/v1/import']);
});

test.each([
  'http://api.segment.io',
  'http://10.0.0.1',
  'http://localhost.example.com',
  'http://notlocalhost',
  'http://127.0.0.1.example.com',
  'http://[::2]',
])('%s is insecure and refused unless allowInsecureHost is set', async (host) => {
  const expected =
    "Setting 'host' must use https:, because anyone on the network could read the write key and events; " +
    'set allowInsecureHost to allow http:';
  expect(refusedWith({ host })).toBe(`${expected}; got '${host}'`);
  expect(refusedWith({ host, allowInsecureHost: false })).toBe(`${expected}; got '${host}'`);
  expect((await workerSettings({ host, allowInsecureHost: true })).url).toBe(`${host}/v1/batch`);
});

test('a bare host beyond loopback uses https, even if http is allowed', async () => {
  expect((await workerSettings({ host: 'example.com', allowInsecureHost: true })).url).toBe(
    'https://example.com/v1/batch',
  );
});

test.each([
  ['an empty string', '', "Setting 'host' must be a non-empty string; got an empty string"],
  ['no string', 443, "Setting 'host' must be a non-empty string; got 443"],
  ['null', null, "Setting 'host' must be a non-empty string; got null"],
])('%s is not a valid host', (_, host, message) => {
  expect(refusedWith({ host })).toBe(message);
});

test.each([
  'ftp://api.segment.io',
  'https://',
  'https://api segment io',
  'api.segment.io:port',
  'ws://localhost',
])("'%s' is not a valid host", (host) => {
  expect(refusedWith({ host })).toBe(
    `Setting 'host' must be a host or an http(s) URL like 'https://api.segment.io'; got '${host}'`,
  );
});

test.each(['https://user@example.com', 'https://:word@example.com', 'example.com?a=b', 'example.com/#top'])(
  "'%s' is refused because it contains more than an address",
  (host) => {
    expect(refusedWith({ host })).toBe(
      "Setting 'host' must not contain a user name, password, query or fragment",
    );
  },
);

test('host and region are mutually exclusive', () => {
  expect(refusedWith({ host: 'example.com', region: 'eu' })).toBe(
    "Set 'host' or 'region', not both: each of them says where events go",
  );
});

test.each([
  ['EU', "'EU'"],
  ['ap', "'ap'"],
  ['', 'an empty string'],
  [null, 'null'],
  ['toString', "'toString'"],
])('region %s is refused', (region, shown) => {
  expect(refusedWith({ region })).toBe(`Setting 'region' must be one of 'us', 'eu'; got ${shown}`);
});

test.each([
  ['v1/batch', "'v1/batch'"],
  ['', 'an empty string'],
  ['/v1/batch?a=b', "'/v1/batch?a=b'"],
  ['/v1/ba tch', "'/v1/ba tch'"],
  ['/v1#x', "'/v1#x'"],
  [1, '1'],
  [null, 'null'],
])('path %s is refused', (path, shown) => {
  expect(refusedWith({ path })).toBe(`Setting 'path' must be a path like '/v1/batch'; got ${shown}`);
});
