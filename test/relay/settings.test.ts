// The settings of a relay: what is wrong is said, with where it was given and what to do.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resolveSettings } from '../../packages/relay/src/settings/settings.js';
import { Scratch } from '../helpers/relay.js';

let scratch: Scratch;

beforeEach(() => {
  scratch = new Scratch();
});
afterEach(() => scratch.remove());

const KEYS = { OFFTHREAD_RELAY_WRITE_KEYS: 'KEY-1,KEY-2' };

function resolved(flags: Record<string, unknown> = {}, environment: NodeJS.ProcessEnv = {}) {
  return resolveSettings(flags, { ...KEYS, ...environment });
}

test('without any but the keys, a relay serves this machine from a directory', () => {
  const settings = resolved();
  expect(settings).toMatchObject({
    engine: {
      type: 'disk',
      directory: `${process.cwd()}/offthread-relay`,
      partitions: 1,
      maxBytes: 1_073_741_824,
    },
    host: '127.0.0.1',
    port: 8080,
    tls: undefined,
    origins: [],
    trustedProxies: 0,
    metrics: undefined,
    apiUrl: 'https://api.segment.io/v1/batch',
    drain: true,
    ingest: true,
    logLevel: 'info',
  });
  expect(settings.sources.map(({ writeKey }) => writeKey)).toEqual(['KEY-1', 'KEY-2']);
  for (const { name } of settings.sources) expect(name).toMatch(/^[0-9a-f]{32}$/);
});

test('each can be set by the environment, and a flag counts more', () => {
  const environment = {
    OFFTHREAD_RELAY_PORT: '9000',
    OFFTHREAD_RELAY_HOST: '0.0.0.0',
    OFFTHREAD_RELAY_REDIS: 'rediss://user:secret@redis.example:6380/2',
    OFFTHREAD_RELAY_PARTITIONS: '4',
    OFFTHREAD_RELAY_MAX_BYTES: '4GiB',
    OFFTHREAD_RELAY_WAIT_REPLICAS: '1',
    OFFTHREAD_RELAY_REGION: 'eu',
    OFFTHREAD_RELAY_CORS_ORIGIN: 'https://a.test https://b.test',
    OFFTHREAD_RELAY_TRUST_PROXY: '10.0.0.0/8, ::1',
    OFFTHREAD_RELAY_METRICS_PORT: '9090',
    OFFTHREAD_RELAY_METRICS_HOST: '0.0.0.0',
    OFFTHREAD_RELAY_DRAIN: 'false',
    OFFTHREAD_RELAY_LOG_LEVEL: 'debug',
  };
  expect(resolved({ port: '9001', ingest: true, drain: true }, environment)).toMatchObject({
    engine: {
      type: 'redis',
      url: 'rediss://user:secret@redis.example:6380/2',
      partitions: 4,
      maxBytes: 4 * 1024 ** 3,
      waitReplicas: 1,
    },
    host: '0.0.0.0',
    port: 9001,
    origins: ['https://a.test', 'https://b.test'],
    trustedProxies: ['10.0.0.0/8', '::1'],
    metrics: { host: '0.0.0.0', port: 9090 },
    apiUrl: 'https://events.eu1.segmentapis.com/v1/batch',
    drain: false,
    ingest: true,
    logLevel: 'debug',
  });
});

test.each([
  ['api.example', 'https://api.example/v1/batch'],
  ['https://api.example/', 'https://api.example/v1/batch'],
  ['https://api.example/segment/v1/', 'https://api.example/segment/v1/batch'],
  ['http://127.0.0.1:4319', 'http://127.0.0.1:4319/v1/batch'],
  ['http://localhost:4319/v1', 'http://localhost:4319/v1/batch'],
])('the host %s is sent to at %s', (apiHost, url) => {
  expect(resolved({ apiHost }).apiUrl).toBe(url);
});

test.each([
  ['16777216', 16_777_216],
  ['16777216B', 16_777_216],
  ['100MB', 100_000_000],
  ['100 MiB', 104_857_600],
  ['2g', 2_000_000_000],
  ['1TiB', 1_099_511_627_776],
])('--max-bytes %s is %d', (maxBytes, bytes) => {
  expect(resolved({ maxBytes }).engine.maxBytes).toBe(bytes);
});

describe('write keys', () => {
  test('are read from a file, one a line, and counted once', () => {
    const file = scratch.write('keys', '\uFEFF# shop\nKEY-1\r\n\n  KEY-2 \nKEY-1\n');
    const { sources } = resolveSettings({ writeKeyFile: file }, {});
    expect(sources.map(({ writeKey }) => writeKey)).toEqual(['KEY-1', 'KEY-2']);
  });

  test('that are wrong are named by their line, never by their text', () => {
    const file = scratch.write('keys', 'GOOD\nshop: SECRET\n');
    let message = '';
    try {
      resolveSettings({ writeKeyFile: file }, {});
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe(
      `${file}, line 2: not a write key; put one key on each line, without a name or quotes`,
    );
  });

  test.each([
    [{}, {}, /^no write keys: pass --write-key-file FILE.*or set OFFTHREAD_RELAY_WRITE_KEYS$/],
    [{ writeKeyFile: '/no/such' }, {}, /^--write-key-file \/no\/such cannot be read: there is no such file$/],
    [{}, { OFFTHREAD_RELAY_WRITE_KEYS: ' , ' }, /has no write key; put one on each line/],
  ])('%j with %j are refused', (flags, environment, message) => {
    expect(() => resolveSettings(flags, environment)).toThrow(message);
  });
});

test('a password of Redis is read from a file or the environment, and refused as a flag', () => {
  const file = scratch.write('password', 'p@ss\n');
  const redis = 'redis://localhost';
  expect(resolved({ redis, redisPasswordFile: file }).engine).toMatchObject({ password: 'p@ss' });
  let message = '';
  try {
    resolved({ redis: 'redis://:hunter2@localhost' });
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(
    /must not contain a password.*set OFFTHREAD_RELAY_REDIS, or pass --redis-password-file/,
  );
  expect(message).not.toContain('hunter2');
});

test('options of the Redis client are refused in the URL, without showing them', () => {
  for (const rest of ['?password=hunter2', '?enableOfflineQueue=true', '#hunter2']) {
    const redis = `redis://localhost/${rest}`;
    expect(() => resolved({ redis })).toThrow(
      /^--redis must be a URL without a query or fragment, like [^?#]*$/,
    );
    expect(() => resolveSettings({}, { OFFTHREAD_RELAY_REDIS: redis })).toThrow(
      /^OFFTHREAD_RELAY_REDIS must be/,
    );
  }
});

describe('a mistake names the option, and what to do', () => {
  test.each<[Record<string, unknown>, NodeJS.ProcessEnv, string | RegExp]>([
    [{ port: '70000' }, {}, "--port must be a whole number from 0 to 65535, got '70000'"],
    [
      {},
      { OFFTHREAD_RELAY_PORT: 'http' },
      "OFFTHREAD_RELAY_PORT must be a whole number from 0 to 65535, got 'http'",
    ],
    [
      {},
      { OFFTHREAD_RELAY_PORT: 'tcp://10.0.0.7:80' },
      /got 'tcp:\/\/10\.0\.0\.7:80'; Kubernetes sets this .* unless its pod has enableServiceLinks: false$/,
    ],
    [{ partitions: '0' }, {}, "--partitions must be a whole number from 1 to 256, got '0'"],
    [
      { maxBytes: '1 parsec' },
      {},
      /^--max-bytes must be a number of bytes of at least 16777216, like 1073741824 or 1GiB/,
    ],
    [{ maxBytes: '1MB' }, {}, /^--max-bytes must be .* at least 16777216/],
    [
      { logLevel: 'loud' },
      {},
      "--log-level must be one of fatal, error, warn, info, debug, silent, got 'loud'",
    ],
    [{ redis: 'redis://a', directory: 'b' }, {}, '--redis and --directory are two engines; pass one of them'],
    [
      { redis: 'localhost:6379' },
      {},
      '--redis must be a URL like redis://localhost:6379, or rediss:// for TLS',
    ],
    [{ redis: 'https://a' }, {}, '--redis must be a URL like redis://localhost:6379, or rediss:// for TLS'],
    [{ waitReplicas: '1' }, {}, '--wait-replicas is for Redis; pass --redis too'],
    [{ drain: false }, {}, /^with --directory one relay does both.*pass --redis$/],
    [
      { drain: false, ingest: false, redis: 'redis://a' },
      {},
      /^--no-drain and --no-ingest leave nothing to do/,
    ],
    [
      { redis: 'redis://a' },
      { OFFTHREAD_RELAY_DRAIN: 'no' },
      "OFFTHREAD_RELAY_DRAIN must be true or false, got 'no'",
    ],
    [{ tlsCert: 'a' }, {}, /^--tls-cert and --tls-key belong together/],
    [
      { tlsCert: '/no/cert', tlsKey: '/no/key' },
      {},
      '--tls-cert /no/cert cannot be read: there is no such file',
    ],
    [{ apiHost: 'a.test', region: 'eu' }, {}, '--api-host and --region are two addresses; pass one of them'],
    [{ region: 'asia' }, {}, "--region must be one of us, eu, got 'asia'"],
    [{ apiHost: 'ftp://a' }, {}, '--api-host must be a host or a URL like https://api.segment.io'],
    [
      { apiHost: 'http://api.example' },
      {},
      /^--api-host must use https:.*pass --allow-insecure-api to allow http:$/,
    ],
    [
      { apiHost: 'https://KEY@a.test' },
      {},
      '--api-host must not contain a user name, password, query or fragment',
    ],
    [
      { corsOrigin: 'https://shop.test/' },
      {},
      /^--cors-origin must list origins.*did you mean https:\/\/shop.test\?$/,
    ],
    [
      { corsOrigin: 'shop.test' },
      {},
      /^--cors-origin must list origins like https:\/\/shop.example.com, or \*/,
    ],
    [{ trustProxy: 'nginx' }, {}, /^--trust-proxy must be the number of proxies.*got 'nginx'$/],
    [{ trustProxy: '10.0.0.0/64' }, {}, /^--trust-proxy must be/],
  ])('%j %j', (flags, environment, message) => {
    expect(() => resolved(flags, environment)).toThrow(message);
  });
});

test('http: to an API elsewhere can be allowed', () => {
  const apiHost = 'http://api.example';
  expect(resolved({ apiHost, allowInsecureApi: true }).apiUrl).toBe('http://api.example/v1/batch');
  const environment = { OFFTHREAD_RELAY_ALLOW_INSECURE_API: 'true' };
  expect(resolved({ apiHost }, environment).apiUrl).toBe('http://api.example/v1/batch');
});
