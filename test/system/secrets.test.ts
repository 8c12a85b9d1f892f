// Secrets never appear in errors, objects or output: the write key, a proxy's password, header values, private keys,
// access tokens, and the salt of a hash. The tests search for them as they are, in base64 as they are sent, and in
// pieces, as truncation would leave them.
import { inspect } from 'node:util';
import { Analytics, type AnalyticsError, type AnalyticsSettings, ValidationError } from '@offthread/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authority, selfSigned } from '../helpers/certificate.js';
import { runFixture } from '../helpers/fixture.js';
import { startGateway, startProxy } from '../helpers/middlebox.js';
import { makeKey, TokenServer } from '../helpers/token-server.js';
import { Trial } from '../helpers/trial.js';
import { withApi } from '../helpers/with-api.js';

const KEY = 'wK9_s3cr3t+V4lue/7Q';
const CREDENTIALS = [KEY, `${KEY}:`].map((text) => Buffer.from(text).toString('base64'));
const URL_CREDENTIALS = Buffer.from(`${KEY}:`).toString('base64url');
const PASSWORD = 'pR0xy_P4ss/w0rd?';
const TOKEN = 'g4tew4y.T0k3n-0f-0urs';
const SALT = '5alt-0f-4ll-h4sh3s';
const CA = authority('Offthread Test Authority');
const CLIENT = selfSigned({ issuer: CA });
const PRIVATE_KEY = CLIENT.key.split('\n')[1] ?? '';
const SECRETS = [
  ...[KEY, ...CREDENTIALS, URL_CREDENTIALS, TOKEN, PRIVATE_KEY, SALT],
  ...[PASSWORD, encodeURIComponent(PASSWORD), btoa(`user:${PASSWORD}`)],
].flatMap((secret) => [secret.slice(0, 7), secret.slice(3, 11)]);

const bench = withApi();

/** Everything that can be seen of a value from outside. */
function seen(value: unknown): string {
  const texts = [
    inspect(value, {
      showHidden: true,
      depth: Number.POSITIVE_INFINITY,
      getters: true,
      maxStringLength: null,
    }),
    JSON.stringify(value) ?? '',
    String(value),
  ];
  if (value instanceof Error) texts.push(value.message, value.stack ?? '', seen(value.cause));
  return texts.join('\n');
}

function expectNoSecret(text: string, secrets: readonly string[] = SECRETS): void {
  for (const secret of secrets) expect(text).not.toContain(secret);
}

/** The error that a constructor throws. */
function mistake(settings: unknown): ValidationError {
  try {
    new Analytics(settings as AnalyticsSettings);
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('was no mistake');
}

test('the write key is sent, and the search finds it where it is shown', async () => {
  await using trial = new Trial({ host: bench.api.url, writeKey: KEY });
  trial.track();
  expect(await trial.flushAsync(10_000)).toMatchObject({ status: 'ok', delivered: 1 });
  const [request] = await bench.api.requests();
  expect(request?.writeKey).toBe(KEY);
  expect(request?.headers['authorization']).toBe(`Basic ${CREDENTIALS[1]}`);
  expect(() => expectNoSecret(seen(request))).toThrow();
  expect(() => expectNoSecret(seen({ writeKey: KEY }))).toThrow();
});

test('no object contains it: client, statistics, results, or what copies of the package share', async () => {
  await using trial = new Trial({
    host: bench.api.url,
    writeKey: KEY,
    flushOnExit: true,
    flushOnSignals: ['SIGUSR2'],
    redact: { hash: ['userId'], salt: SALT },
  });
  await bench.api.script([{ type: 'answer', status: 503, headers: { 'retry-after': '60' } }]);
  const { analytics } = trial;
  trial.track(3);
  const results = [analytics.flush(5_000), await analytics.flushAsync(0)];
  expect(results[0]).toMatchObject({ pending: 3 });
  expectNoSecret(seen(analytics));
  expectNoSecret(seen(Object.getOwnPropertyDescriptors(analytics)));
  expectNoSecret(seen(analytics.stats()));
  expectNoSecret(seen(results));
  const symbols = Object.getOwnPropertySymbols(globalThis).filter((symbol) =>
    String(symbol).includes('offthread'),
  );
  expect(symbols.length).toBeGreaterThan(0);
  for (const symbol of symbols) expectNoSecret(seen((globalThis as Record<symbol, unknown>)[symbol]));
  for (const listener of [...process.listeners('exit'), ...process.listeners('SIGUSR2')])
    expectNoSecret(seen(listener));
  expectNoSecret(seen(await analytics.close(0)));
  expectNoSecret(seen(trial.errors));
  expect(trial.errors).toMatchObject([{ code: 'closed', count: 3 }]);
});

describe('no error contains it, even if the server echoes it', () => {
  const echoes = [KEY, ...CREDENTIALS, URL_CREDENTIALS];

  test.each([
    ['in its answer', echoes.join(' ')],
    ['in JSON', JSON.stringify({ message: `bad key ${KEY}`, header: `Basic ${CREDENTIALS[1]}` })],
    ...[180, 183, 187, 190, 193, 196, 199].map((at) => [
      `where the message is cut, from character ${at} on`,
      `${'x'.repeat(at)}${KEY} ${CREDENTIALS[1]}`,
    ]),
    ['after more space than is shown', `${' '.repeat(195)}${KEY}`],
  ])('%s', async (_name, body = '') => {
    await using trial = new Trial({ host: bench.api.url, writeKey: KEY, maxRetries: 0 });
    await bench.api.script([
      { type: 'answer', status: 403, body },
      { type: 'answer', status: 500, body },
      { type: 'answer', status: 429, body, headers: { 'retry-after': KEY } },
    ]);
    for (let n = 0; n < 3; n++) {
      trial.track();
      await trial.flushAsync(10_000);
    }
    expect(trial.errors.map(({ code }) => code)).toEqual([
      'rejected',
      'retries_exhausted',
      'retries_exhausted',
    ]);
    expect(trial.errors[0]?.message).toMatch(/write key|xxx/);
    for (const error of trial.errors) expectNoSecret(seen(error));
    for (const error of trial.endings.values()) expectNoSecret(seen(error));
    await trial.balance(bench.api);
  });

  test('in the location of a redirect', async () => {
    await using trial = new Trial({ host: bench.api.url, writeKey: KEY });
    const location = `https://${encodeURIComponent(KEY)}:@elsewhere.example/${echoes.join('/')}`;
    await bench.api.script([
      { type: 'redirect', location: location.replace(encodeURIComponent(KEY), URL_CREDENTIALS) },
    ]);
    trial.track();
    await trial.flushAsync(10_000);
    expect(trial.errors).toMatchObject([{ code: 'redirected' }]);
    expect(trial.errors[0]?.message).toContain('@elsewhere.example/[write key]/[write key]');
    expectNoSecret(seen(trial.errors));
    await trial.balance(bench.api);
  });
});

test('no network error contains it', async () => {
  const errors: AnalyticsError[] = [];
  const hosts = [bench.api.url, 'https://nowhere.invalid', bench.api.url.replace('http:', 'https:')];
  await bench.api.script([{ type: 'garbage' }]);
  for (const host of hosts) {
    const analytics = new Analytics({
      writeKey: KEY,
      host,
      maxRetries: 0,
      onError: (error) => errors.push(error),
    });
    analytics.track({ userId: 'u', event: 'E' });
    await analytics.close();
    analytics.track({ userId: 'u', event: 'E' });
  }
  expect(errors.filter(({ code }) => code === 'retries_exhausted')).toHaveLength(3);
  expectNoSecret(seen(errors));
});

describe('no error contains the password of a proxy, the token of a gateway or a private key', () => {
  const tls = { ca: CA.cert, cert: CLIENT.cert, key: CLIENT.key };
  const headers = { 'x-gateway': `Bearer ${TOKEN}`, 'x-short': 'ab' };

  function proxied(port: number): string {
    return `http://user:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  }

  test('although all of them are in use, and the server echoes them', async () => {
    await using proxy = await startProxy({ auth: `user:${PASSWORD}` });
    await using gateway = await startGateway({ ...selfSigned({ issuer: CA }), ca: CA.cert }, bench.api.port);
    const host = `https://127.0.0.1:${gateway.port}`;
    await using trial = new Trial({ host, writeKey: KEY, tls, headers, proxy: proxied(proxy.port) });
    const body = `ab Bearer ${TOKEN}, ${TOKEN} ${PASSWORD} ${encodeURIComponent(PASSWORD)}`;
    await bench.api.script([{ type: 'answer', status: 403, body }]);
    const results: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      trial.track();
      results.push(await trial.flushAsync(10_000));
    }
    expect(results).toMatchObject([{ failed: 1 }, { delivered: 1 }]);
    expect((await bench.api.requests())[0]?.headers['x-gateway']).toBe(`Bearer ${TOKEN}`);
    expect(() => expectNoSecret(`${TOKEN}`)).toThrow();
    expect(trial.errors[0]?.message).toContain(
      'ab [x-gateway], [x-gateway] [password of the proxy] [password of the proxy]',
    );
    expectNoSecret(seen([trial.analytics, trial.analytics.stats(), results, trial.errors]));
    expectNoSecret(seen(Object.getOwnPropertyDescriptors(trial.analytics)));
    expectNoSecret(seen(process.listeners('exit')));
  });

  test.each<[string, Parameters<typeof startProxy>[0]]>([
    ['that refuses our credentials', { auth: 'somebody:else' }],
    ['that echoes what it receives', { answers: [502, 502] }],
    ['that closes the connection', { answers: ['end', 'end'] }],
    ['that never answers', { answers: ['hang', 'hang'] }],
  ])('with a proxy %s', async (_name, options) => {
    await using proxy = await startProxy(options);
    const settings = { host: bench.api.url, writeKey: KEY, headers, requestTimeout: 300, maxRetries: 1 };
    await using trial = new Trial({ ...settings, proxy: proxied(proxy.port) });
    trial.track();
    await trial.flushAsync(10_000);
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 2 }]);
    expect((await proxy.look()).seen[0]?.authorization).toBe(`Basic ${btoa(`user:${PASSWORD}`)}`);
    expectNoSecret(seen(trial.errors));
  });

  test('with a proxy that is down', async () => {
    await using trial = new Trial({ host: bench.api.url, proxy: proxied(1), maxRetries: 0 });
    trial.track();
    await trial.flushAsync(10_000);
    expect(trial.errors[0]?.message).toContain('The proxy 127.0.0.1:1 does not connect');
    expectNoSecret(seen(trial.errors));
  });

  test('and nothing prints them, not even with NODE_DEBUG', async () => {
    await using proxy = await startProxy({ answers: [407], auth: `user:${PASSWORD}` });
    const settings = { host: bench.api.url, writeKey: KEY, headers, tls, proxy: proxied(proxy.port) };
    const env = { NODE_DEBUG: 'http,https,net,tls,stream,timer,worker', DEBUG: '*' };
    const { code, stdout, stderr } = await runFixture('send-once.mjs', [JSON.stringify(settings)], { env });
    expect(code).toBe(0);
    expect(await bench.api.counts()).toMatchObject({ events: 2 });
    expectNoSecret(stderr);
    expectNoSecret(stdout);
  });
});

test.each<[string, unknown]>([
  ['as an invalid salt', { writeKey: KEY, redact: { hash: ['userId'], salt: [SALT] } }],
  ['as a salt beside a bad path', { writeKey: KEY, redact: { hash: ['x'], salt: SALT } }],
  ['as a salt that is too short', { writeKey: KEY, redact: { hash: ['userId'], salt: SALT.slice(0, 15) } }],
  ['in a proxy of another scheme', { writeKey: KEY, proxy: `socks5://user:${PASSWORD}@proxy:1` }],
  ['in an invalid proxy', { writeKey: KEY, proxy: `http://user:${PASSWORD}@:99999` }],
  ['in a proxy with a path', { writeKey: KEY, proxy: `http://proxy/${TOKEN}` }],
  ['in a list of proxies', { writeKey: KEY, proxy: [`http://user:${PASSWORD}@proxy`] }],
  ['in headers as text', { writeKey: KEY, headers: TOKEN }],
  ['in a header with a line end', { writeKey: KEY, headers: { 'x-gateway': `${TOKEN}\n` } }],
  ['as the name of a header', { writeKey: KEY, headers: { [`x-gateway: ${TOKEN}`]: '' } }],
  ['as tls', { writeKey: KEY, tls: CLIENT.key }],
  ['as an authority', { writeKey: KEY, tls: { ca: CLIENT.key } }],
  ['of another certificate', { writeKey: KEY, tls: { ...CLIENT, cert: CA.cert } }],
  ['broken', { writeKey: KEY, tls: { ...CLIENT, key: CLIENT.key.replace('-----END', '') } }],
  ['instead of the settings', KEY],
  ['in a list', [KEY]],
  ['as a list', { writeKey: [KEY] }],
  ['in an object', { writeKey: { key: KEY } }],
  ['as a symbol', { writeKey: Symbol(KEY) }],
  ['as a function', { writeKey: () => KEY }],
  ['under another name', { writekey: KEY }],
  ['as a user name in the host', { writeKey: KEY, host: `https://${KEY.replace('/', '')}@api.example` }],
  ['as a password in the host', { writeKey: KEY, host: `https://user:${KEY.replace('/', '')}@api.example` }],
  ['in a host with another scheme', { writeKey: KEY, host: `ftp://${KEY.replace('/', '')}@api.example` }],
  ['in an invalid host', { writeKey: KEY, host: `https://${KEY.replace('/', '')}@:99999` }],
  ['in a query of the host', { writeKey: KEY, host: `ftp://api.example/?key=${KEY}` }],
  ['beside another mistake', { writeKey: KEY, batchSize: 0 }],
])('no error about the settings shows it: %s', (_name, settings) => {
  expectNoSecret(seen(mistake(settings)));
});

test.each([
  [12345678901, 'a number'],
  [12345678901n, 'a bigint'],
])("not even one that isn't a string", (writeKey, what) => {
  const { message } = mistake({ writeKey });
  expect(message).toContain(what);
  expect(message).not.toContain('12345');
});

test('no output contains it, not even with NODE_DEBUG', async () => {
  const settings = { host: bench.api.url, writeKey: KEY };
  // Programs usually get their key from the environment, and Node.js prints the environment of a thread.
  const env = {
    ANALYTICS_WRITE_KEY: KEY,
    NODE_DEBUG: 'http,https,net,tls,stream,timer,module,worker',
    DEBUG: '*',
  };
  const { code, stdout, stderr } = await runFixture('send-once.mjs', [JSON.stringify(settings)], { env });
  expect(code).toBe(0);
  expect(await bench.api.counts()).toMatchObject({ events: 2 });
  expect(stderr).toContain('create new worker');
  expectNoSecret(stderr);
  expectNoSecret(stdout);
});

describe('with OAuth', () => {
  /** A piece of each line of a private key. */
  const piecesOf = (pem: string): string[] =>
    pem
      .split('\n')
      .flatMap((line) => (line.length > 40 && !line.includes('-----') ? [line.slice(20, 36)] : []));
  const own = makeKey().secret;
  let server: TokenServer;

  beforeAll(async () => {
    server = await TokenServer.start(bench.api.url);
  });
  beforeEach(() => server.reset());
  afterAll(() => server?.close());

  /** A client of the token server, and all secrets that must not appear. */
  function trialWith(settings: Partial<AnalyticsSettings> = {}): { trial: Trial; secrets: string[] } {
    const oauth = server.oauth();
    const trial = new Trial({ writeKey: KEY, host: server.url, oauth, ...settings });
    return { trial, secrets: [...SECRETS, ...piecesOf(server.keys['key-1'].secret)] };
  }

  /** Pieces of the tokens that were given. */
  async function tokens(): Promise<string[]> {
    return (await server.tokens()).flatMap((token) => [token.slice(0, 16), token.slice(-12)]);
  }

  test('the search finds secrets where they are shown', async () => {
    const { trial, secrets } = trialWith();
    await using _ = trial;
    trial.track();
    expect(trial.flush(20_000).status).toBe('ok');
    const [request] = await bench.api.requests();
    const given = await tokens();
    expect(given.length).toBe(2);
    expect(() => expectNoSecret(seen(request), given)).toThrow();
    expect(piecesOf(own).length).toBeGreaterThan(20);
    expect(() => expectNoSecret(own, piecesOf(own))).toThrow();
    expect(() => expectNoSecret(seen(server.oauth()), secrets)).toThrow();
  });

  test('no object contains the key or a token', async () => {
    const { trial, secrets } = trialWith({ flushOnExit: true });
    await using _ = trial;
    const { analytics } = trial;
    trial.track();
    const results = [analytics.flush(20_000)];
    expect(results[0]).toMatchObject({ delivered: 1 });
    await server.behave({ script: [{ status: 429, headers: { 'retry-after': '60' } }] });
    secrets.push(...(await tokens()));
    await server.revoke();
    trial.track();
    results.push(analytics.flush(5_000));
    expect(results[1]).toMatchObject({ pending: 1 });
    for (const each of [analytics, Object.getOwnPropertyDescriptors(analytics), analytics.stats(), results]) {
      expectNoSecret(seen(each), secrets);
    }
    for (const symbol of Object.getOwnPropertySymbols(globalThis)) {
      if (String(symbol).includes('offthread')) {
        expectNoSecret(seen((globalThis as Record<symbol, unknown>)[symbol]), secrets);
      }
    }
    for (const listener of process.listeners('exit')) expectNoSecret(seen(listener), secrets);
    expectNoSecret(seen(await analytics.close(0)), secrets);
    expect(trial.errors).toMatchObject([{ code: 'closed' }]);
    expectNoSecret(seen(trial.errors), secrets);
  });

  test.each([
    ['at its beginning', 'ASSERTION'],
    ...[100, 170, 199].map((at) => [`from character ${at} on`, `${'x'.repeat(at)}ASSERTION`]),
  ])('no error contains an assertion that the token server echoes, %s', async (_name, body = '') => {
    const { trial, secrets } = trialWith({ maxRetries: 0 });
    await using _ = trial;
    await server.behave({
      script: [
        { status: 401, body },
        { status: 503, body },
      ],
    });
    for (let n = 0; n < 2; n++) {
      trial.track();
      await trial.flushAsync(20_000);
    }
    expect(trial.errors.map(({ code }) => code)).toEqual(['token_refused', 'retries_exhausted']);
    expect(trial.errors[0]?.message).toMatch(/\[credentials\]|x\[|x$/);
    // The start of every assertion with this header.
    const begin = Buffer.from('{"alg":"RS256","typ":"JWT"').toString('base64url').slice(0, 16);
    expectNoSecret(seen(trial.errors), [...secrets, begin]);
  });

  test('no error contains a token that the API echoes', async () => {
    const { trial, secrets } = trialWith();
    await using _ = trial;
    // Expires at once, so that the API's refusal is final.
    await server.behave({ life: 0 });
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'rejected', status: 401 }]);
    expect(trial.errors[0]?.message).toContain('Bearer [credentials]');
    expectNoSecret(seen(trial.errors), [...secrets, ...(await tokens())]);
  });

  const app = { clientId: 'app', clientKey: own, keyId: 'key' };
  const bare = own.replace(/-----.*-----/g, '').replaceAll('\n', '');
  test.each<[string, unknown]>([
    ['instead of the settings', own],
    ['instead of an object', { writeKey: KEY, oauth: own }],
    ['in a list', { writeKey: KEY, oauth: [own] }],
    ['as another field', { writeKey: KEY, oauth: { ...app, keyId: own } }],
    ['without its frame', { writeKey: KEY, oauth: { ...app, clientKey: bare } }],
    ['without its end', { writeKey: KEY, oauth: { ...app, clientKey: own.slice(0, 900) } }],
    ['as bytes, cut', { writeKey: KEY, oauth: { ...app, clientKey: Buffer.from(own.slice(0, 900)) } }],
    ['as a scope', { writeKey: KEY, oauth: { ...app, scope: own } }],
    ['as an address', { writeKey: KEY, oauth: { ...app, authServer: own } }],
    ['as an address, without its frame', { writeKey: KEY, oauth: { ...app, authServer: bare } }],
    ['beside another mistake', { writeKey: KEY, oauth: { ...app, scop: 'x' } }],
    ['beside a mistake elsewhere', { writeKey: KEY, oauth: app, batchSize: 0 }],
    ['beside a wrong host', { writeKey: KEY, oauth: app, host: 'ftp://x' }],
  ])('no error about the settings shows the key: %s', (_name, settings) => {
    expectNoSecret(seen(mistake(settings)), [...SECRETS, ...piecesOf(own)]);
  });

  test('no output contains the key or a token, not even with NODE_DEBUG', async () => {
    const oauth = server.oauth();
    const settings = { host: server.url, writeKey: KEY, oauth };
    const env = { NODE_DEBUG: 'http,https,net,tls,stream,timer,worker', DEBUG: '*' };
    const { code, stdout, stderr } = await runFixture('send-once.mjs', [JSON.stringify(settings)], { env });
    expect(code).toBe(0);
    expect(await bench.api.counts()).toMatchObject({ events: 2 });
    const given = await tokens();
    expect(given.length).toBe(2);
    expectNoSecret(stdout + stderr, [...SECRETS, ...piecesOf(server.keys['key-1'].secret), ...given]);
  });
});
