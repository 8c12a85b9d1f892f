// Access tokens from a real token server in another thread, which validates every assertion, and a Tracking API behind
// it that only valid tokens reach.

import { generateKeyPairSync } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import type { AnalyticsSettings } from '@offthread/sdk';
import { resolveSettings } from '@offthread/sdk/settings';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { authority, selfSigned } from '../helpers/certificate.js';
import { runFixture } from '../helpers/fixture.js';
import { startGateway, startProxy } from '../helpers/middlebox.js';
import { refusedWith, workerSettings } from '../helpers/settings.js';
import { CLIENT_ID, makeKey, TokenServer } from '../helpers/token-server.js';
import { Trial } from '../helpers/trial.js';
import { withApi } from '../helpers/with-api.js';

const KEY = 'wk-7Q"\\é';
const OK = { status: 'ok', pending: 0 } as const;
const bench = withApi();
let server: TokenServer;

beforeAll(async () => {
  server = await TokenServer.start(bench.api.url);
});
beforeEach(() => server.reset());
afterAll(() => server?.close());

/** A client that gets tokens from the token server and reaches the API through it. */
function trialWith(settings: Partial<AnalyticsSettings> = {}): Trial {
  return new Trial({ writeKey: KEY, host: server.url, oauth: server.oauth(), ...settings });
}

/** The statuses of the token server's replies, in order. */
async function statuses(): Promise<number[]> {
  return (await server.tokenRequests()).map(({ status }) => status);
}

/** The tokens in the requests that reached the API, in order. */
async function shown(): Promise<(string | undefined)[]> {
  return (await bench.api.requests()).map(({ headers }) => String(headers['authorization']));
}

describe('a token', () => {
  test('is requested with an assertion as Segment requires it, and sent with the write key in the body', async () => {
    await using trial = trialWith();
    trial.track(2);
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 2 });
    const [tokenRequest, ...more] = await server.tokenRequests();
    expect(more).toEqual([]);
    expect(tokenRequest).toMatchObject({
      header: { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
      claims: { iss: CLIENT_ID, sub: CLIENT_ID, aud: server.url },
      scope: 'tracking_api:write',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 200,
    });
    const { iat = 0, exp = 0 } = tokenRequest?.claims ?? {};
    expect(exp - iat).toBeLessThan(60);
    const [token] = await server.tokens();
    expect(await shown()).toEqual(Array.from(await shown(), () => `Bearer ${token}`));
    for (const { writeKey } of await bench.api.requests()) expect(writeKey).toBe(KEY);
    await trial.balance(bench.api);
  });

  test('is requested once for any number of batches', async () => {
    await using trial = trialWith({ batchSize: 1 });
    trial.track(20);
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    expect(await statuses()).toEqual([200]);
    expect(trial.analytics.stats()).toMatchObject({ delivered: 20, requests: 20, retries: 0 });
  });

  test('is obtained by a blocking flush', async () => {
    await using trial = trialWith();
    trial.track(3);
    expect(trial.flush(20_000)).toMatchObject({ ...OK, delivered: 3 });
    await trial.balance(bench.api);
  });

  test('is not needed with stub', async () => {
    await using trial = trialWith({ stub: true });
    trial.track();
    expect(trial.flush(20_000)).toMatchObject(OK);
    expect(await server.tokenRequests()).toEqual([]);
  });

  test('leaves room for the write key in the largest body', async () => {
    const writeKey = `long-${'k'.repeat(3_000)}`;
    await using trial = trialWith({ writeKey, batchSize: 2_500 });
    // Fills bodies to within a few bytes of their limit.
    trial.track(1);
    await trial.flushAsync(20_000);
    trial.track(300, 'Filler', { filler: 'x'.repeat(5_000) });
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    const sizes = (await bench.api.requests()).map(({ bodyBytes }) => bodyBytes);
    expect(Math.max(...sizes)).toBeGreaterThan(490_000);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(500_000);
    await trial.balance(bench.api);
  });

  test('that arrives late makes no event older than it is', async () => {
    await server.behave({ script: [{ wait: 1_000 }] });
    await using trial = trialWith();
    const start = Date.now();
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    // The API takes the time between event and `sentAt` for the event's age.
    const [request] = await bench.api.requests();
    expect(Date.parse(request?.sentAt ?? '') - start).toBeGreaterThanOrEqual(990);
  });

  test('is also sent with a compressed body', async () => {
    await using trial = trialWith({ gzip: true });
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    expect((await bench.api.requests())[0]).toMatchObject({ writeKey: KEY });
  });
});

describe('a token before it expires', () => {
  test('is renewed after half its lifetime, without delaying a batch', async () => {
    await server.behave({ life: 6 });
    await using trial = trialWith();
    trial.track();
    await trial.flushAsync(20_000);
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    // No request was made in the meantime, because there was nothing to send.
    expect(await statuses()).toEqual([200]);
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    await expect.poll(statuses, { timeout: 10_000 }).toEqual([200, 200]);
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    const [first, second] = (await server.tokens()).map((token) => `Bearer ${token}`);
    expect(await shown()).toEqual([first, first, second]);
    expect(trial.analytics.stats()).toMatchObject({ requests: 3, retries: 0 });
  });

  test('is used as long as it cannot be renewed', async () => {
    await server.behave({ life: 10 });
    await using trial = trialWith();
    trial.track();
    await trial.flushAsync(20_000);
    await server.behave({ script: [{ status: 503 }] });
    await new Promise((resolve) => setTimeout(resolve, 5_100));
    for (let n = 0; n < 5; n++) {
      trial.track();
      expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
    }
    // Not again for each batch.
    await expect.poll(statuses, { timeout: 10_000 }).toEqual([200, 503]);
    expect(new Set(await shown()).size).toBe(1);
    expect(trial.errors).toEqual([]);
  });

  test('is replaced when it has expired', async () => {
    await server.behave({ life: 1 });
    await using trial = trialWith();
    trial.track();
    await trial.flushAsync(20_000);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    expect(await statuses()).toEqual([200, 200]);
    // The expired token wasn't tried first.
    expect(trial.analytics.stats()).toMatchObject({ requests: 2, retries: 0 });
  });

  test('is used until it is refused if the server gives no lifetime', async () => {
    await server.behave({ life: null });
    await using trial = trialWith({ batchSize: 1 });
    trial.track(3);
    await trial.flushAsync(20_000);
    expect(await statuses()).toEqual([200]);
    await server.revoke();
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    expect(await statuses()).toEqual([200, 200]);
  });
});

describe('if the API refuses a token', () => {
  test.each([401, 403, 511])('with %i, the same batch is sent again with a new one', async (status) => {
    await using trial = trialWith({ maxRetries: 0 });
    trial.track();
    await trial.flushAsync(20_000);
    await bench.api.script([{ type: 'answer', status }]);
    const ids = trial.track(3);
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, failed: 0 });
    const requests = await bench.api.requests();
    const refused = requests.findIndex((request) => request.status === status);
    expect(requests[refused + 1]).toMatchObject({
      messageIds: requests[refused]?.messageIds,
      headers: { 'x-retry-count': '1' },
    });
    expect(ids).toEqual(expect.arrayContaining(requests[refused]?.messageIds ?? ['none']));
    expect(await statuses()).toEqual([200, 200]);
    expect(new Set(await shown()).size).toBe(2);
    await trial.balance(bench.api);
  });

  test('that was revoked, nothing is lost', async () => {
    await using trial = trialWith({ batchSize: 2 });
    trial.track(4);
    await trial.flushAsync(20_000);
    await server.revoke();
    trial.track(20);
    expect(trial.flush(20_000)).toMatchObject({ ...OK, failed: 0 });
    expect(await statuses()).toEqual([200, 200]);
    await trial.balance(bench.api);
  });

  test('that is new, the batch fails with its events', async () => {
    await bench.api.behave({ type: 'answer', status: 401, body: 'not for this source' });
    await using trial = trialWith();
    const ids = trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'rejected', status: 401, attempts: 1 }]);
    expect(trial.errors[0]?.message).toBe('The API refused: status 401, not for this source');
    expect(trial.ids('rejected')).toEqual(ids);
    // The next batch doesn't start with a token that was refused.
    trial.track();
    await trial.flushAsync(20_000);
    expect(await statuses()).toEqual([200, 200]);
    expect(trial.analytics.stats()).toMatchObject({ requests: 2 });
    await trial.balance(bench.api);
  });

  test('that is new with 511, the batch is sent again with another new one', async () => {
    await bench.api.script([{ type: 'answer', status: 511 }]);
    await using trial = trialWith();
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
    expect(trial.errors).toEqual([]);
    expect(await statuses()).toEqual([200, 200]);
    expect(new Set(await shown()).size).toBe(2);
    await trial.balance(bench.api);
  });

  test('that is new with 511 again and again, the batch fails after maxRetries', async () => {
    await bench.api.behave({ type: 'answer', status: 511 });
    await using trial = trialWith({ maxRetries: 1 });
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', status: 511, attempts: 2 }]);
  });

  test('or refuses a batch for another reason, the token is kept', async () => {
    await using trial = trialWith();
    await bench.api.script([{ type: 'answer', status: 404 }]);
    trial.track();
    await trial.flushAsync(20_000);
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject(OK);
    expect(await statuses()).toEqual([200]);
  });
});

describe('if the token server', () => {
  test.each([
    ['does not know the key', [401, 'invalid_client'], { keys: {} }],
    [
      'refuses the request',
      [400, 'invalid_request'],
      { script: [{ status: 400, body: '{"error":"invalid_request"}' }] },
    ],
    ['does not read the request', [415, 'status 415'], { script: [{ status: 415 }] }],
  ] as const)('%s, the batch fails at once with the reason', async (_name, [status, reason], manner) => {
    await server.behave(manner);
    await using trial = trialWith();
    const ids = trial.track(3);
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK });
    expect(trial.errors[0]).toMatchObject({ code: 'token_refused', status, attempts: 0 });
    expect(trial.errors[0]?.message).toMatch(/^The token server refused: status/);
    expect(trial.errors[0]?.message).toContain(reason);
    expect(trial.ids('token_refused')).toEqual(ids.slice(0, trial.ids('token_refused').length));
    expect(trial.ids('token_refused')).toContain(ids[0]);
    await trial.balance(bench.api);
  });

  test("answers with 400, a batch isn't halved", async () => {
    await server.behave({ keys: {} });
    await using trial = trialWith({ linger: 200 });
    trial.track();
    await trial.flushAsync(20_000);
    trial.track(8);
    await trial.flushAsync(20_000);
    expect(trial.errors.map(({ count }) => count)).toEqual([1, 8]);
    expect(await statuses()).toEqual([401, 401]);
  });

  test.each([403, 404, 425, 511])(
    'answers with %i, it is asked again, and then the batch is sent',
    async (status) => {
      await server.behave({ script: [{ status }] });
      await using trial = trialWith();
      trial.track();
      expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
      expect(trial.errors).toEqual([]);
      expect(await statuses()).toEqual([status, 200]);
      await trial.balance(bench.api);
    },
  );

  test('fails, it is asked again, and then the batch is sent', async () => {
    await server.behave({
      script: [{ status: 503 }, { drop: true }, { status: 500 }, { status: 200, body: '{}' }],
    });
    await using trial = trialWith();
    trial.track();
    // The first flush during a backoff makes one attempt at once.
    await expect.poll(async () => (await trial.flushAsync(300)).pending, { timeout: 20_000 }).toBe(0);
    expect(await statuses()).toEqual([503, 0, 500, 200, 200]);
    expect(trial.analytics.stats()).toMatchObject({ requests: 1, retries: 0, delivered: 1 });
    // It was tried before, but the API hasn't seen it.
    expect((await bench.api.requests())[0]?.headers['x-retry-count']).toBeUndefined();
    await trial.balance(bench.api);
  });

  test.each([
    ['answers with 500', { status: 500, body: 'sorry' }, 'the token server answered status 500, sorry'],
    ['closes the connection', { drop: true }, 'The token server: socket hang up'],
    [
      'gives no token',
      { status: 200, body: '{"token":"?"}' },
      'The token server answered 200 without a token',
    ],
    ['gives an invalid one', { status: 200, body: '{"access_token":"a\\r\\nb"}' }, 'without a token'],
    ['gives no JSON', { status: 200, body: '<html>' }, 'The token server answered 200 without a token'],
  ] as const)('%s each time, the batch fails after maxRetries', async (_name, answer, reason) => {
    await server.behave({ script: Array.from({ length: 3 }, () => answer) });
    await using trial = trialWith({ maxRetries: 2 });
    const [id] = trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ status: 'ok', failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 0 }]);
    expect(trial.errors[0]?.message).toContain(`Gave up after 2 retries: `);
    expect(trial.errors[0]?.message).toContain(reason);
    expect(trial.ids('retries_exhausted')).toEqual([id]);
    expect((await statuses()).length).toBe(3);
    await trial.balance(bench.api);
  });

  test('asks for a pause, a flush with less time returns at once, and the batch is sent after the pause', async () => {
    await server.behave({ script: [{ status: 429, headers: { 'retry-after': '3' } }] });
    await using trial = trialWith({ maxRetries: 0 });
    trial.track();
    const impatient = trial.flush(1_500);
    expect(impatient).toMatchObject({ status: 'timeout', pending: 1 });
    expect(await statuses()).toEqual([429]);
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
    expect(await statuses()).toEqual([429, 200]);
    await trial.balance(bench.api);
  });

  test('asks for a longer pause than maxRetryDuration allows, the batch fails', async () => {
    await server.behave({ script: [{ status: 429, headers: { 'retry-after': '60' } }] });
    await using trial = trialWith({ maxRetryDuration: 1_000 });
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'retry_duration_exceeded', status: 429 }]);
    await trial.balance(bench.api);
  });

  test('redirects, the redirect is not followed', async () => {
    await server.behave({
      script: [{ status: 302, headers: { location: 'https://elsewhere.example/token' } }],
    });
    await using trial = trialWith();
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'redirected' }]);
    expect(trial.errors[0]?.message).toBe(
      'The token server answered with a redirect (302 to https://elsewhere.example/token), which is never followed; ' +
        'set oauth.authServer to the final address',
    );
  });

  test('hangs, each request ends after requestTimeout, and a flush at its deadline', async () => {
    await server.behave({ script: Array.from({ length: 20 }, () => ({ hang: true }) as const) });
    await using trial = trialWith({ requestTimeout: 500, maxRetries: 1 });
    trial.track();
    const { status, elapsedMs } = trial.flush(200);
    expect(status).toBe('timeout');
    expect(elapsedMs).toBeLessThan(5_000);
    await expect.poll(async () => (await trial.flushAsync(300)).pending, { timeout: 20_000 }).toBe(0);
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 0 }]);
    expect(trial.errors[0]?.message).toContain('The token server: No answer within 500 ms');
  });

  test('hangs, close() ends in time and reports the events that it gives up', async () => {
    await server.behave({ script: [{ hang: true }] });
    await using trial = trialWith();
    trial.track(2);
    expect(await trial.analytics.close(300)).toMatchObject({ status: 'timeout' });
    expect(trial.errors).toMatchObject([{ code: 'closed', count: 2 }]);
    await trial.balance(bench.api);
  });

  test('cannot be reached, the error contains its address', async () => {
    await using trial = trialWith({
      maxRetries: 0,
      oauth: { ...server.oauth(), authServer: 'http://127.0.0.1:9' },
    });
    trial.track();
    await trial.flushAsync(20_000);
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', status: undefined }]);
    expect(trial.errors[0]?.message).toContain('The token server: connect ECONNREFUSED 127.0.0.1:9');
  });
});

describe('a clock that is wrong', () => {
  test.each([
    ['slow', 3_600_000],
    ['fast', -3_600_000],
  ])('and %s is corrected by the Date of the token server', async (_name, ahead) => {
    await server.behave({ ahead });
    await using trial = trialWith({ maxRetries: 0 });
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
    expect(await statuses()).toEqual([400, 200]);
    // And stays so.
    await server.revoke();
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, delivered: 1 });
    expect(await statuses()).toEqual([400, 200, 200]);
    await trial.balance(bench.api);
  });

  test("costs one more request, but no loop, if it wasn't the reason", async () => {
    await server.behave({ ahead: 3_600_000, keys: {} });
    await using trial = trialWith();
    trial.track();
    expect(await trial.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
    expect(trial.errors).toMatchObject([{ code: 'token_refused', status: 401 }]);
    expect(await statuses()).toEqual([401, 401]);
  });
});

test('keys are rotated one client after the other while the app has both', async () => {
  await using before = trialWith();
  before.track();
  expect(await before.flushAsync(20_000)).toMatchObject({ ...OK, failed: 0 });
  await using after = trialWith({ oauth: server.oauth('key-2') });
  after.track();
  expect(await after.flushAsync(20_000)).toMatchObject({ ...OK, failed: 0 });
  expect((await server.tokenRequests()).map(({ header }) => header.kid)).toEqual(['key-1', 'key-2']);

  await server.behave({ keys: { 'key-2': server.keys['key-2'].open } });
  // A token outlives its key.
  before.track();
  after.track();
  expect(await before.flushAsync(20_000)).toMatchObject({ ...OK, failed: 0 });
  await server.revoke();
  before.track();
  after.track();
  expect(await before.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
  expect(await after.flushAsync(20_000)).toMatchObject({ ...OK, failed: 0 });
  expect(before.errors).toMatchObject([{ code: 'token_refused', status: 401 }]);
  await before.balance(bench.api);
  await after.balance(bench.api);
});

describe('the connection to the token server', () => {
  test('uses the proxy of the batches', async () => {
    await using proxy = await startProxy();
    await using trial = trialWith({ host: bench.api.url, proxy: `http://127.0.0.1:${proxy.port}` });
    trial.track();
    expect(trial.flush(20_000)).toMatchObject({ ...OK, delivered: 1 });
    const targets = (await proxy.look()).seen.map(({ target }) => `http://${target}`);
    expect(targets).toEqual([server.url, bench.api.url]);
    expect(await statuses()).toEqual([200]);
  });

  test('uses the proxy that the environment names for it', async () => {
    vi.stubEnv('https_proxy', 'http://proxy.example:3128');
    vi.stubEnv('no_proxy', 'api.segment.io');
    const { clientId, clientKey, keyId } = server.oauth();
    try {
      const settings = resolveSettings({ writeKey: KEY, oauth: { clientId, clientKey, keyId } });
      expect(settings).toMatchObject({ proxy: undefined, oauth: { proxy: 'http://proxy.example:3128/' } });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('trusts the same CAs as the client, and uses its certificate', async () => {
    const ca = authority('Authority of the token server');
    const guests = authority('Authority of its clients');
    const tls = { ca: guests.cert, ...selfSigned({ issuer: ca }) };
    await using gateway = await startGateway(tls, Number(new URL(server.url).port));
    const authServer = `https://127.0.0.1:${gateway.port}`;
    await server.behave({ audience: authServer });
    const { cert, key } = selfSigned({ name: 'client-7', issuer: guests });
    const oauth = { ...server.oauth(), authServer };

    await using trial = trialWith({ oauth, tls: { ca: ca.cert, cert, key } });
    trial.track();
    expect(trial.flush(20_000)).toMatchObject({ ...OK, delivered: 1 });
    expect((await gateway.look()).seen).toEqual(['client-7']);

    await using stranger = trialWith({ oauth });
    stranger.track();
    expect(await stranger.flushAsync(20_000)).toMatchObject({ ...OK, failed: 1 });
    expect(stranger.errors).toMatchObject([{ code: 'tls_refused', attempts: 0 }]);
    expect(stranger.errors[0]?.message).toMatch(/^The token server: /);
  });
});

describe('a separate process', () => {
  test.each([
    ['as it is', []],
    [
      'with hooks that every module goes through',
      ['--import', new URL('../fixtures/loader.mjs', import.meta.url).href],
    ],
  ])('gets a token in a flush in its first tick, %s', async (_name, execArgv) => {
    const settings = { host: server.url, oauth: server.oauth() };
    const { code, stdout } = await runFixture('send-once.mjs', [JSON.stringify(settings)], { execArgv });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ result: { ...OK, delivered: 2 }, errors: [] });
    expect(await bench.api.messageIds()).toEqual(['first', 'second']);
    expect(await statuses()).toEqual([200]);
  });

  test.each([
    ['process.exit()', { ending: 'exit', code: 3 }, 3],
    ['its natural end', { ending: 'natural' }, 0],
  ])('gets a token at %s', async (_name, ending, code) => {
    const plan = { ...ending, ids: ['one', 'two'], host: server.url, settings: { oauth: server.oauth() } };
    const ended = await runFixture('ending.mjs', [JSON.stringify(plan)]);
    expect(ended.code).toBe(code);
    expect(await bench.api.messageIds()).toEqual(['one', 'two']);
  });

  test('is not kept alive by a token that is to be renewed later', async () => {
    await server.behave({ life: 86_400 });
    const plan = {
      ending: 'natural',
      warm: true,
      ids: ['one'],
      host: server.url,
      settings: { oauth: server.oauth() },
    };
    // The fixture's time limit is the test.
    expect((await runFixture('ending.mjs', [JSON.stringify(plan)])).code).toBe(0);
    expect(await bench.api.messageIds()).toContain('one');
  });
});

describe('the setting', () => {
  const { secret } = makeKey();
  const app = { clientId: 'app', clientKey: secret, keyId: 'key' };
  const WANTED =
    "Setting 'oauth.clientKey' must be an RSA private key of at least 2048 bits in PEM " +
    "('-----BEGIN PRIVATE KEY-----'), without a passphrase; got ";

  test.each([
    ['by default', {}, 'https://oauth2.segment.io'],
    ['in the EU', { region: 'eu' }, 'https://oauth2.eu1.segmentapis.com'],
    [
      'with the host of the EU',
      { host: 'events.eu1.segmentapis.com/v1' },
      'https://oauth2.eu1.segmentapis.com',
    ],
  ])('selects the token server of the region: %s', async (_name, where, authServer) => {
    expect((await workerSettings({ ...where, oauth: app })).oauth).toMatchObject({
      clientId: 'app',
      keyId: 'key',
      scope: 'tracking_api:write',
      authServer,
    });
  });

  test('accepts another server and another scope', async () => {
    const oauth = { ...app, authServer: ' https://login.example/base/ ', scope: 'a b' };
    expect((await workerSettings({ oauth })).oauth).toMatchObject({
      authServer: 'https://login.example/base',
      scope: 'a b',
    });
  });

  test.each([
    ['PKCS#1', secretAs('pkcs1')],
    ['PKCS#8 on one line, as environment variables have it', secret.replaceAll('\n', '\\n')],
    ['PKCS#8 with the line breaks of Windows', secret.replaceAll('\n', '\r\n')],
    ['what readFileSync returns', Buffer.from(secret)],
    ['bytes of another realm', runInNewContext('Uint8Array').from(Buffer.from(secret))],
  ])('accepts a key as %s', async (_name, clientKey) => {
    expect((await workerSettings({ oauth: { ...app, clientKey } })).oauth?.clientKey.asymmetricKeyType).toBe(
      'rsa',
    );
  });

  test.each<[string, unknown, string]>([
    ['no key', 'nonsense', 'a string that is not a private key'],
    ['nothing', undefined, 'undefined'],
    ['an empty one', ' ', 'an empty string'],
    ['bytes that are none', Buffer.from([0, 1, 2]), 'a string that is not a private key'],
    ['an object', { key: secret }, 'an object'],
    ['half a key', secret.slice(0, 700), 'a string that is not a private key'],
    ['a public key', makeKey().open, 'a public key'],
    ['a short one', makeKey(1_024).secret, 'a key of 1024 bits'],
    ['one with a passphrase', secretAs('pkcs8', 'word'), 'a key with a passphrase'],
    ['one of another kind', elliptic(), 'a key of type ec'],
  ])('refuses %s as a key without showing it', (_name, clientKey, got) => {
    expect(refusedWith({ oauth: { ...app, clientKey } })).toBe(WANTED + got);
  });

  test.each<[string, unknown, string]>([
    ['text', secret, "Setting 'oauth' must be an object like { clientId, clientKey, keyId }; got a string"],
    ['null', null, "Setting 'oauth' must be an object like { clientId, clientKey, keyId }; got null"],
    ['an unknown name', { ...app, keyID: 'x' }, "There is no setting 'oauth.keyID'; did you mean 'keyId'?"],
    [
      'no client',
      { ...app, clientId: undefined },
      "Setting 'oauth.clientId' must be the id of your OAuth app, a string of at most 1,000 characters on one line; got undefined",
    ],
    [
      'the key as its id',
      { ...app, keyId: secret },
      "Setting 'oauth.keyId' must be the id of the public key in your OAuth app, a string of at most 1,000 characters on one line; got a string",
    ],
    [
      'a token server over plain http',
      { ...app, authServer: 'http://login.example' },
      "Setting 'oauth.authServer' must use https:, because anyone on the network could read your access tokens; " +
        "set allowInsecureHost to allow http:; got 'http://login.example'",
    ],
    [
      'a token server with a query',
      { ...app, authServer: 'https://login.example/?a' },
      "Setting 'oauth.authServer' must not contain a user name, password, query or fragment",
    ],
  ])('refuses %s', (_name, oauth, message) => {
    expect(refusedWith({ oauth })).toBe(message);
  });

  function secretAs(type: 'pkcs1' | 'pkcs8', passphrase?: string): string {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const lock = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase };
    return privateKey.export({ type, format: 'pem', ...lock }).toString();
  }

  function elliptic(): string {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }
});
