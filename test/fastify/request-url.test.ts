// `context.page` of the Fastify plugin for arbitrary requests: its `url` is a valid URL, or absent.
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { fastifyAnalytics } from '@offthread/sdk/fastify';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

let api: TrackingApi;
let app: FastifyInstance | undefined;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterEach(() => app?.close());
afterAll(() => api.close());

/** The page of the event that is tracked for a request; undefined if the server rejects the request. */
async function pageOf(
  requestLine: string,
  headers: readonly string[],
  trustProxy = false,
): Promise<Record<string, unknown> | undefined> {
  app = Fastify({ trustProxy });
  await app.register(fastifyAnalytics, { writeKey: 'KEY', host: api.url });
  const track = async (request: { analytics: { track(event: object): boolean } }) => {
    return { accepted: request.analytics.track({ anonymousId: 'a', event: 'Seen' }) };
  };
  app.all('*', track);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(`${[requestLine, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`, 'latin1');
  socket.resume();
  await once(socket, 'close');
  await app.close();
  const [event] = await api.events();
  return event?.context?.['page'] as Record<string, unknown> | undefined;
}

describe('a request target in absolute form', () => {
  test.each([
    ['http://shop.example/shoes?size=42', 'http://shop.example/shoes?size=42', '/shoes', '?size=42'],
    ['http://shop.example:8080/shoes', 'http://shop.example:8080/shoes', '/shoes', ''],
    ['https://shop.example/?a=/b', 'https://shop.example/?a=/b', '/', '?a=/b'],
    ['HTTP://Shop.Example/shoes', 'HTTP://Shop.Example/shoes', '/shoes', ''],
    ['http://[2001:db8::1]:8080/shoes', 'http://[2001:db8::1]:8080/shoes', '/shoes', ''],
  ])('%s is used as the URL, whatever Host says', async (target, url, path, search) => {
    expect(await pageOf(`GET ${target} HTTP/1.1`, ['Host: other.example'])).toMatchObject({
      url,
      path,
      search,
    });
  });

  test('is stripped of user name and password', async () => {
    const page = await pageOf('GET http://me:secret@shop.example/shoes HTTP/1.1', ['Host: other.example']);
    expect(page).toMatchObject({ url: 'http://shop.example/shoes', path: '/shoes' });
    expect(JSON.stringify(await api.requests())).not.toContain('secret');
  });
});

const HOSTS = [
  ...['shop.example', 'SHOP.example:8080', '127.0.0.1:80', '[::1]:3000', 'my_host', 'a-b.c'],
  ...['evil.example/path', 'evil.example?x=', 'evil.example#', 'me@evil.example', 'me:secret@evil.example'],
  ...[
    'a b',
    '[::1',
    '::1',
    'host:99999',
    'host:',
    'host:80:80',
    '<script>',
    '"',
    '%',
    'a%2fb',
    '\\evil',
    '..',
    '*',
  ],
  ...[
    '\xff\xfe',
    'evil.example,other.example',
    "javascript:alert('x')",
    'xn--',
    '[not:an:address]',
    '{{7*7}}',
    '1.2.3.999',
  ],
];

/** The parts that hosts are generated from. */
const AUTHORITY = /^http:\/\/([\w.~-]+|\[[\da-f:.]+\])(:\d+)?\/shoes\?size=42$/i;

describe('a Host header', () => {
  test.each(HOSTS)('of %j gives a URL with that host, or none', async (host) => {
    const page = await pageOf('GET /shoes?size=42 HTTP/1.1', [`Host: ${host}`]);
    expect(page).toMatchObject({ path: '/shoes', search: '?size=42' });
    if (page?.['url'] === undefined) return;
    expect(page['url']).toMatch(AUTHORITY);
    const url = new URL(String(page['url']));
    expect([url.username, url.pathname, url.search, url.hash]).toEqual(['', '/shoes', '?size=42', '']);
    expect(page['url']).toBe(`http://${host}/shoes?size=42`);
  });

  test('that is valid gives a URL', async () => {
    for (const host of HOSTS.slice(0, 6)) {
      await api.reset();
      const page = await pageOf('GET /shoes HTTP/1.1', [`Host: ${host}`]);
      expect(page?.['url']).toBe(`http://${host}/shoes`);
    }
  });

  test('that is missing gives none', async () => {
    const page = await pageOf('GET /shoes HTTP/1.0', []);
    expect(page).toMatchObject({ path: '/shoes' });
    expect(page).not.toHaveProperty('url');
  });

  test('from a proxy is validated too, and so is its protocol', async () => {
    for (const forwarded of ['X-Forwarded-Host: evil.example/path', 'X-Forwarded-Proto: javascript']) {
      await api.reset();
      const page = await pageOf('GET /shoes HTTP/1.1', ['Host: shop.example', forwarded], true);
      expect(page).toMatchObject({ path: '/shoes' });
      expect(page).not.toHaveProperty('url');
    }
  });
});

test("a target that isn't a path gives no URL", async () => {
  const page = await pageOf('OPTIONS * HTTP/1.1', ['Host: shop.example']);
  expect(page ?? {}).not.toHaveProperty('url');
});
