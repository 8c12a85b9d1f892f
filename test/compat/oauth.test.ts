// OAuth of @offthread/sdk/compat, with the settings of analytics-node and a real token server.
import type { Analytics, AnalyticsSettings } from '@offthread/sdk/compat';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { tracked, withCompat } from '../helpers/compat.js';
import { TokenServer } from '../helpers/token-server.js';

vi.setConfig({ testTimeout: 40_000 });

const bench = withCompat();
let server: TokenServer;

beforeAll(async () => {
  server = await TokenServer.start(bench.api.url);
});
beforeEach(() => server.reset());
afterAll(() => server?.close());

function open(settings: Partial<AnalyticsSettings> = {}): Analytics {
  const { clientId, clientKey, keyId, authServer } = server.oauth();
  return bench.open({
    host: server.url,
    oauthSettings: {
      clientId,
      clientKey: String(clientKey),
      keyId,
      authServer,
      scope: 'tracking_api:write',
      maxRetries: 3,
    },
    ...settings,
  });
}

async function statuses(): Promise<number[]> {
  return (await server.tokenRequests()).map(({ status }) => status);
}

test('an event is sent with a token', async () => {
  expect(await tracked(open())).toMatchObject({ error: undefined });
  expect(await statuses()).toEqual([200]);
  const [token] = await server.tokens();
  const [request] = await bench.api.requests();
  expect(request?.headers['authorization']).toBe(`Bearer ${token}`);
  const [{ scope } = { scope: '' }] = await server.tokenRequests();
  expect(scope).toBe('tracking_api:write');
});

test('a token server that answers 425 is asked again', async () => {
  await server.behave({ script: [{ status: 425 }] });
  expect(await tracked(open())).toMatchObject({ error: undefined });
  expect(await statuses()).toEqual([425, 200]);
});

test('the pause that a 429 of the token server asks for is respected, each time', async () => {
  const later = { status: 429, headers: { 'retry-after': '1' } };
  await server.behave({ script: [later, later] });
  const start = performance.now();
  expect(await tracked(open())).toMatchObject({ error: undefined });
  expect(performance.now() - start).toBeGreaterThan(1_980);
  expect(await statuses()).toEqual([429, 429, 200]);
});

test('an event fails when the token server keeps failing', async () => {
  await server.behave({ script: Array.from({ length: 9 }, () => ({ status: 500 })) });
  const { error, ctx } = await tracked(open({ maxRetries: 2 }));
  expect(error).toEqual(new Error('[500] Internal Server Error'));
  expect(ctx.failedDelivery()).toEqual({ reason: error });
  expect(await statuses()).toEqual([500, 500, 500]);
});

test('an event fails at once when the token server refuses', async () => {
  await server.behave({ script: [{ status: 400 }] });
  const { error } = await tracked(open({ maxRetries: 3 }));
  expect(error).toEqual(new Error('[400] Bad Request'));
  expect(await statuses()).toEqual([400]);
});

test('an event that the API refuses fails, with a token that is valid', async () => {
  await bench.api.behave({ type: 'answer', status: 400 });
  const { error } = await tracked(open());
  expect(error).toMatchObject({ cause: { code: 'rejected', status: 400 } });
  expect(await statuses()).toEqual([200]);
});

test('a 511 of the API is retried with a new token', async () => {
  await bench.api.script([{ type: 'answer', status: 511 }]);
  expect(await tracked(open())).toMatchObject({ error: undefined });
  expect(await statuses()).toEqual([200, 200]);
});

test('an invalid key throws in the constructor; analytics-node fails later', () => {
  const oauthSettings = { clientId: 'clientId', clientKey: 'Garbage', keyId: 'keyId' };
  expect(() => bench.open({ oauthSettings })).toThrow(/oauth\.clientKey/);
});

test('an HTTP client of its own is refused', () => {
  const httpClient = { makeRequest: () => Promise.reject(new Error('never called')) };
  const { clientId, clientKey, keyId } = server.oauth();
  const oauthSettings = { clientId, clientKey: String(clientKey), keyId, httpClient };
  expect(() => bench.open({ oauthSettings })).toThrow(
    /'oauthSettings.httpClient' can't be a client of your own/,
  );
});
