// Requests through a real proxy in another thread: what it receives, how its refusals are handled, and how the
// environment selects it.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { AnalyticsError, FlushResult, Stats } from '@offthread/sdk';
import { resolveSettings } from '@offthread/sdk/settings';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { authority, type Certificate, selfSigned } from '../helpers/certificate.js';
import { runFixture } from '../helpers/fixture.js';
import { type ProxyAnswer, startProxy } from '../helpers/middlebox.js';
import { refusedWith } from '../helpers/settings.js';
import { Trial } from '../helpers/trial.js';
import { withApi } from '../helpers/with-api.js';

interface Report {
  result: FlushResult;
  errors: (Pick<AnalyticsError, 'code' | 'message' | 'attempts'> & { messageIds: string[] })[];
  stats: Stats;
}

const HOST = 'api.offthread.test';
const CA = authority('Offthread Test Authority');
const TLS: Certificate = selfSigned({ host: HOST, issuer: CA });
/** Characters that a URL must escape. */
const CREDENTIALS = 'us er:p@ss:/w%rd';
const IN_URL = 'us%20er:p%40ss%3A%2Fw%25rd@';

const bench = withApi();
let secure: TrackingApi;
beforeAll(async () => {
  secure = await startTrackingApi({ tls: TLS });
});
beforeEach(() => secure.reset());
afterAll(() => secure.close());

/** A client of an API whose name only the proxy can resolve. */
function secureTrial(proxy: string, more: object = {}): Trial {
  return new Trial({ host: `https://${HOST}`, tls: { ca: CA.cert }, proxy, ...more });
}

describe('through a tunnel', () => {
  test('events reach an API that only the proxy can reach, and the proxy sees none of them', async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', secure.port] });
    await using trial = secureTrial(`http://127.0.0.1:${proxy.port}`);
    const ids = trial.track(3);
    // Blocking, with a new client.
    expect(trial.flush(20_000)).toMatchObject({ status: 'ok', delivered: 3, failed: 0 });
    expect(await secure.messageIds()).toEqual(ids);
    const { seen } = await proxy.look();
    expect(seen).toEqual([{ target: `${HOST}:443`, host: `${HOST}:443`, authorization: undefined }]);
    await trial.balance(secure);
  });

  test('one tunnel carries many requests', async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', secure.port] });
    await using trial = secureTrial(`http://127.0.0.1:${proxy.port}`, { batchSize: 1 });
    for (let n = 0; n < 3; n++) {
      trial.track(2);
      await trial.flushAsync(20_000);
    }
    expect(await secure.counts()).toMatchObject({ events: 6, requests: 6 });
    expect((await proxy.look()).seen).toHaveLength(1);
  });

  test('user name and password are sent to the proxy only', async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', secure.port], auth: CREDENTIALS });
    await using trial = secureTrial(`http://${IN_URL}127.0.0.1:${proxy.port}`);
    trial.track();
    await trial.flushAsync(20_000);
    expect((await proxy.look()).seen).toMatchObject([{ authorization: `Basic ${btoa(CREDENTIALS)}` }]);
    const [request] = await secure.requests();
    expect(request).toMatchObject({ writeKey: 'KEY', accepted: true });
    expect(Object.keys(request?.headers ?? {}).filter((name) => name.includes('proxy'))).toEqual([]);
  });

  test('an API over plain http is also reached through a tunnel, even on loopback if the setting says so', async () => {
    await using proxy = await startProxy();
    await using trial = new Trial({ host: bench.api.url, proxy: `127.0.0.1:${proxy.port}` });
    trial.track();
    await trial.flushAsync(20_000);
    expect((await proxy.look()).seen).toMatchObject([{ target: new URL(bench.api.url).host }]);
    await trial.balance(bench.api);
    expect(trial.analytics.stats()).toMatchObject({ delivered: 1 });
  });

  test.each(['127.0.0.1', 'localhost'])('the proxy itself may use TLS, at %s', async (at) => {
    await using proxy = await startProxy({
      to: ['127.0.0.1', secure.port],
      auth: CREDENTIALS,
      tls: selfSigned({ issuer: CA }),
    });
    const settings = {
      host: `https://${HOST}`,
      tls: { ca: CA.cert },
      proxy: `https://${IN_URL}${at}:${proxy.port}`,
    };
    const { stdout, stderr } = await runFixture('send-once.mjs', [JSON.stringify(settings)]);
    expect((JSON.parse(stdout) as Report).result).toMatchObject({ status: 'ok', delivered: 2, failed: 0 });
    // Not even a warning of Node.js, which warns about IP addresses in SNI.
    expect(stderr).toBe('');
    expect(await secure.messageIds()).toEqual(['first', 'second']);
  });

  test.each([{}, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }])(
    "a proxy that can't prove its identity gets nothing, not even its password (%o)",
    async (env) => {
      await using proxy = await startProxy({ to: ['127.0.0.1', secure.port], tls: selfSigned() });
      const settings = {
        host: `https://${HOST}`,
        tls: { ca: CA.cert },
        proxy: `https://${IN_URL}localhost:${proxy.port}`,
      };
      const { stdout } = await runFixture('send-once.mjs', [JSON.stringify(settings)], { env });
      const { errors } = JSON.parse(stdout) as Report;
      expect(errors).toMatchObject([{ code: 'tls_refused', attempts: 1 }]);
      expect(errors[0]?.message).toContain(`The proxy localhost:${proxy.port} `);
      expect((await proxy.look()).seen).toEqual([]);
    },
  );

  test("an API that can't prove its identity gets nothing, although the proxy is trusted", async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', secure.port] });
    await using trial = new Trial({
      host: 'https://elsewhere.offthread.test',
      tls: { ca: CA.cert },
      proxy: `http://127.0.0.1:${proxy.port}`,
    });
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'tls_refused', attempts: 1 }]);
    expect((await secure.counts()).requests).toBe(0);
  });
});

describe('a proxy that refuses to connect is a fault, and never a reply of the API', () => {
  test.each<[ProxyAnswer, string]>([
    [407, 'Bad response: 407'],
    [403, 'Bad response: 403'],
    [503, 'Bad response: 503'],
    [413, 'Bad response: 413'],
    // Not 200: there would be no tunnel, and everything sent would be lost.
    [204, 'Bad response: 204'],
    ['end', 'socket hang up'],
  ])('%s', async (answer, reason) => {
    await using proxy = await startProxy({ answers: [answer, answer] });
    await using trial = new Trial({
      host: bench.api.url,
      proxy: `http://${IN_URL}127.0.0.1:${proxy.port}`,
      maxRetries: 1,
    });
    trial.track(2);
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 2, count: 2 }]);
    expect(trial.errors[0]?.status).toBeUndefined();
    expect(trial.errors[0]?.message).toContain(
      `The proxy 127.0.0.1:${proxy.port} does not connect: ${reason}`,
    );
    expect((await proxy.look()).seen).toHaveLength(2);
    expect((await bench.api.counts()).requests).toBe(0);
    await trial.balance(bench.api);

    // The proxy recovers.
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.analytics.stats()).toMatchObject({ delivered: 1, failed: 2 });
  });

  test('one that is down', async () => {
    const proxy = await startProxy();
    await proxy[Symbol.asyncDispose]();
    await using trial = new Trial({
      host: bench.api.url,
      proxy: `127.0.0.1:${proxy.port}`,
      maxRetries: 1,
    });
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 2 }]);
    expect(trial.errors[0]?.message).toMatch(/The proxy 127\.0\.0\.1:\d+ does not connect: .*ECONNREFUSED/);
  });

  test('one that never answers is given up after requestTimeout, and its connection is closed', async () => {
    await using proxy = await startProxy({ answers: ['hang', 'hang'] });
    await using trial = new Trial({
      host: bench.api.url,
      proxy: `127.0.0.1:${proxy.port}`,
      maxRetries: 1,
      requestTimeout: 1_000,
    });
    trial.track();
    expect(trial.flush(20_000)).toMatchObject({ status: 'ok', failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 2 }]);
    expect(trial.errors[0]?.message).toContain('1000 ms');
    await expect.poll(async () => (await proxy.look()).open, { timeout: 20_000 }).toBe(0);
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.analytics.stats()).toMatchObject({ delivered: 1 });
  });

  test('a connection that breaks during the tunnel is made again', async () => {
    await using proxy = await startProxy();
    await using trial = new Trial({ host: bench.api.url, proxy: `127.0.0.1:${proxy.port}` });
    await bench.api.script([{ type: 'drop', after: 'body' }]);
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ delivered: 1 });
    expect(trial.analytics.stats()).toMatchObject({ retries: 1 });
    expect((await proxy.look()).seen).toHaveLength(2);
  });
});

describe('without the setting, the environment is used', () => {
  afterEach(() => vi.unstubAllEnvs());
  beforeEach(() => {
    for (const name of ['https_proxy', 'http_proxy', 'no_proxy', 'all_proxy']) {
      for (const each of [name, name.toUpperCase()]) vi.stubEnv(each, undefined);
    }
  });

  /** The proxy of a client in this environment. */
  function chosen(env: Record<string, string>, settings: object = {}): string | undefined {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    return resolveSettings({ writeKey: 'KEY', host: `https://${HOST}`, ...settings }).proxy;
  }

  test.each<[string, Record<string, string>, object, string | undefined]>([
    ['no variable', {}, {}, undefined],
    ['HTTPS_PROXY', { HTTPS_PROXY: 'http://p:1' }, {}, 'http://p:1/'],
    ['https_proxy', { https_proxy: 'http://p:1' }, {}, 'http://p:1/'],
    [
      'both, of which lower case wins',
      { HTTPS_PROXY: 'http://P:2', https_proxy: 'http://p:1' },
      {},
      'http://p:1/',
    ],
    ['an empty one is ignored', { https_proxy: '', HTTPS_PROXY: 'http://p:1' }, {}, 'http://p:1/'],
    ['no scheme', { HTTPS_PROXY: 'u:s@p:1' }, {}, 'http://u:s@p:1/'],
    ['a proxy over TLS', { HTTPS_PROXY: 'https://p:1' }, {}, 'https://p:1/'],
    ['the one for plain http', { HTTP_PROXY: 'http://p:1' }, {}, undefined],
    [
      'the one for plain http, if the host uses it',
      { HTTP_PROXY: 'http://p:1', HTTPS_PROXY: 'http://p:2' },
      { host: 'http://api.offthread.test', allowInsecureHost: true },
      'http://p:1/',
    ],
    ['stub', { HTTPS_PROXY: 'socks5://p:1' }, { stub: true }, undefined],
    ['the setting turns it off', { HTTPS_PROXY: 'http://p:1' }, { proxy: false }, undefined],
    ['the setting wins', { HTTPS_PROXY: 'http://p:1' }, { proxy: 'http://q:2' }, 'http://q:2/'],
    ['the setting wins over NO_PROXY', { NO_PROXY: '*' }, { proxy: 'http://q:2' }, 'http://q:2/'],
    [
      'loopback',
      { HTTPS_PROXY: 'http://p:1', HTTP_PROXY: 'http://p:1' },
      { host: 'http://127.0.0.1:1' },
      undefined,
    ],
    ['loopback by name', { HTTPS_PROXY: 'http://p:1' }, { host: 'https://localhost:1' }, undefined],
  ])('%s', (_name, env, settings, expected) => {
    expect(chosen(env, settings)).toBe(expected);
  });

  test.each<[string, boolean]>([
    ['*', true],
    [HOST, true],
    ['offthread.test', true],
    ['.offthread.test', true],
    ['*.offthread.test', true],
    ['API.Offthread.TEST', true],
    [`${HOST}:443`, true],
    [`one.test, ${HOST} two.test`, true],
    [`${HOST}:8443`, false],
    ['elsewhere.test', false],
    ['thread.test', false],
    ['pi.offthread.test', false],
    ['www.api.offthread.test', false],
    [',,', false],
    ['.', false],
  ])('NO_PROXY %s: exempt is %s', (entry, isExempt) => {
    const expected = isExempt ? undefined : 'http://p:1/';
    for (const name of ['NO_PROXY', 'no_proxy']) {
      expect(chosen({ HTTPS_PROXY: 'http://p:1', [name]: entry })).toBe(expected);
      vi.stubEnv(name, undefined);
    }
  });

  test.each(['socks5://user:geheim@p:1', 'http://', 'http://user:geheim@p:99999', 'http://us%er:geheim@p'])(
    '%s is refused at construction, with the name of the variable and without its value',
    (value) => {
      vi.stubEnv('HTTPS_PROXY', value);
      const message = refusedWith({ host: `https://${HOST}` });
      expect(message).toContain('Environment variable HTTPS_PROXY must be the address of an HTTP proxy');
      expect(message).toContain('set `proxy: false` to ignore it');
      expect(message).not.toContain('geheim');
    },
  );

  test('a program uses the proxy in its environment, unless it opts out', async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', secure.port] });
    const settings = { host: `https://${HOST}`, tls: { ca: CA.cert }, maxRetries: 0 };
    const run = async (env: Record<string, string>, more: object = {}): Promise<Report> => {
      const given = [JSON.stringify({ ...settings, ...more })];
      const { stdout, stderr } = await runFixture('send-once.mjs', given, {
        env: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`, ...env },
      });
      expect(stderr).toBe('');
      return JSON.parse(stdout) as Report;
    };
    expect((await run({})).result).toMatchObject({ delivered: 2 });
    expect((await proxy.look()).seen).toHaveLength(1);
    // Only the proxy can resolve the name.
    for (const [env, more] of [[{ NO_PROXY: 'offthread.test' }], [{}, { proxy: false }]] as const) {
      expect((await run(env, more)).errors[0]?.message).toContain(HOST);
    }
    expect((await run({}, { host: secure.url })).errors[0]?.code).toBe('tls_refused');
    expect((await proxy.look()).seen).toHaveLength(1);
  });
});

test.each<[string, unknown, string]>([
  ['a number', 3128, 'must be the address of an HTTP proxy'],
  ['true', true, 'must be the address of an HTTP proxy'],
  ['null', null, 'must be the address of an HTTP proxy'],
  ['an empty string', ' ', 'must be the address of an HTTP proxy'],
  ['SOCKS', 'socks5://user:geheim@proxy:1', 'got the scheme socks5:'],
  ['a path', 'http://user:geheim@proxy:1/path', 'a path, query or fragment'],
  ['a query', 'http://proxy:1?geheim', 'a path, query or fragment'],
  ['a fragment', 'http://proxy:1/#geheim', 'a path, query or fragment'],
  ['an invalid port', 'http://user:geheim@proxy:99999', 'must be the address of an HTTP proxy'],
  ['a stray %', 'http://user:geheim%@proxy:1', '%25'],
  ['an agent', new (class Agent {})(), 'an agent cannot be passed to the worker thread'],
  ['a URL', new URL('http://user:geheim@proxy:1'), 'cannot be passed to the worker thread'],
  ['a function', () => 'http://geheim', 'must be the address of an HTTP proxy'],
])("the setting is refused if it is %s, and isn't shown", (_name, proxy, reason) => {
  const message = refusedWith({ proxy });
  expect(message).toContain("Setting 'proxy'");
  expect(message).toContain(reason);
  expect(message).not.toContain('geheim');
});
