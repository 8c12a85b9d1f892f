// The local Tracking API accepts requests from any client: its paths, authentication, and pages of other origins.
import { request } from 'node:http';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, post, type RawReply, trackEvent } from '../helpers/raw-client.js';

let api: TrackingApi;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** Sends a request without a body. */
function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, signal: AbortSignal.timeout(20_000) };
    const sent = request(`${api.url}${path}`, options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('end', () => {
        const bytes = Buffer.concat(pieces);
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, bytes, text: bytes.toString('utf8') });
      });
    });
    sent.once('error', reject);
    sent.end();
  });
}

describe('the write key', () => {
  const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });

  test.each([
    ['as user name of Basic authentication', basic('KEY:'), {}],
    ['as user name without the colon', basic('KEY'), {}],
    ['in the body beside an access token', { authorization: 'Bearer ey.token' }, { writeKey: 'KEY' }],
    ['in the body alone', {}, { writeKey: 'KEY' }],
    ['in the body beside an empty user name', basic(':'), { writeKey: 'KEY' }],
    ['in the header rather than in the body', basic('KEY:'), { writeKey: 'OTHER' }],
  ])('is accepted %s', async (_, headers, fields) => {
    const reply = await post(api.url, { ...batchOf(1), ...fields }, { writeKey: null, headers });
    expect(reply.status).toBe(200);
    expect(await api.requests()).toMatchObject([{ writeKey: 'KEY', accepted: true }]);
  });

  test("is read from the body of a single event, and isn't a field of the event", async () => {
    const event = { userId: 'u', event: 'Bought', sentAt: '2026-01-01T00:00:00.000Z', writeKey: 'KEY' };
    expect((await post(api.url, event, { path: '/v1/track', writeKey: null })).status).toBe(200);
    expect(await api.events()).toEqual([{ type: 'track', userId: 'u', event: 'Bought' }]);
    expect(await api.requests()).toMatchObject([{ writeKey: 'KEY', sentAt: event.sentAt }]);
  });

  test("isn't a field of the events of a batch either", async () => {
    const event = trackEvent();
    await post(api.url, { batch: [{ ...event, writeKey: 'KEY' }] });
    expect(await api.events()).toEqual([event]);
  });

  test('in a body selects the rule for a request', async () => {
    await api.rules([{ match: { writeKey: 'KEY' }, behaviour: { type: 'answer', status: 429 } }]);
    const inBody = (writeKey: string) => post(api.url, { ...batchOf(1), writeKey }, { writeKey: null });
    expect((await inBody('KEY')).status).toBe(429);
    expect((await inBody('OTHER')).status).toBe(200);
  });
});

describe('paths', () => {
  test.each([
    ['t', 'track', { userId: 'u', event: 'E' }],
    ['i', 'identify', { userId: 'u' }],
    ['p', 'page', { anonymousId: 'a' }],
    ['s', 'screen', { anonymousId: 'a', name: 'Home' }],
    ['g', 'group', { userId: 'u', groupId: 'g' }],
    ['a', 'alias', { userId: 'u', previousId: 'p' }],
  ])('/v1/%s accepts one %s', async (path, type, event) => {
    expect((await post(api.url, event, { path: `/v1/${path}` })).status).toBe(200);
    expect(await api.events()).toEqual([{ ...event, type }]);
  });

  test.each(['/v1/b', '/v1/batch/', '/v1/import/', '/v1/b/?from=page'])(
    '%s accepts a batch',
    async (path) => {
      const body = batchOf(2);
      expect((await post(api.url, body, { path })).status).toBe(200);
      expect(await api.events()).toEqual(body.batch);
    },
  );

  test('/v1/track/ accepts one event', async () => {
    expect((await post(api.url, { userId: 'u', event: 'E' }, { path: '/v1/track/' })).status).toBe(200);
    expect(await api.messageIds()).toEqual([]);
    expect((await api.counts()).events).toBe(1);
  });

  test('/v1/m accepts the metrics of analytics.js, which are not events', async () => {
    const series = [{ type: 'Counter', metric: 'analytics_js.invoke', value: 1, tags: {} }];
    expect((await post(api.url, { series }, { path: '/v1/m', writeKey: null })).status).toBe(200);
    expect(await api.counts()).toMatchObject({ events: 0, statuses: { 200: 1 } });
  });

  test('the settings of a source make analytics.js send to this API', async () => {
    const reply = await ask('GET', '/v1/projects/KEY/settings', { origin: 'http://shop.test' });
    expect(reply.status).toBe(200);
    expect(reply.headers).toMatchObject({ 'access-control-allow-origin': 'http://shop.test' });
    const { integrations } = JSON.parse(reply.text) as { integrations: Record<string, object> };
    expect(integrations['Segment.io']).toMatchObject({
      apiKey: 'KEY',
      apiHost: `127.0.0.1:${api.port}/v1`,
      protocol: 'http',
    });
    expect((await api.counts()).requests).toBe(0);
  });
});

test('the settings of a source are served only for accepted write keys', async () => {
  await using listed = await startTrackingApi({ in: 'thread', writeKeys: ['GOOD'] });
  const statusFor = async (key: string) => (await fetch(`${listed.url}/v1/projects/${key}/settings`)).status;
  expect([await statusFor('GOOD'), await statusFor('BAD')]).toEqual([200, 404]);
});

describe('bodies', () => {
  test.each([
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'application/csp-report',
    '',
  ])('of content type "%s" are read as JSON', async (type) => {
    const body = batchOf(1);
    expect((await post(api.url, body, { headers: { 'content-type': type } })).status).toBe(200);
    expect(await api.events()).toEqual(body.batch);
  });

  test('have a context and integrations that are merged into each event without replacing its own fields', async () => {
    const batch = [
      trackEvent({ context: { ip: '1.2.3.4' }, integrations: { All: true } }),
      trackEvent(),
      trackEvent({ context: null }),
    ];
    const context = { ip: '0.0.0.0', library: { name: 'any', version: '1' } };
    await post(api.url, { batch, context, integrations: { All: false, Amplitude: true } });
    const integrations = { All: false, Amplitude: true };
    expect(await api.events()).toEqual([
      {
        ...batch[0],
        context: { ip: '1.2.3.4', library: context.library },
        integrations: { All: true, Amplitude: true },
      },
      { ...batch[1], context, integrations },
      { ...batch[2], context, integrations },
    ]);
  });
});

describe('replies', () => {
  test('of a refusal have what each client reads: code, message and error', async () => {
    for (const [body, code, options] of [
      ['{', 'invalid_json', {}],
      [batchOf(1), 'unauthorized', { writeKey: null }],
      [' '.repeat(600_000), 'payload_too_large', {}],
      [batchOf(1), 'invalid_encoding', { headers: { 'content-encoding': 'gzip' } }],
      [batchOf(1), 'not_found', { path: '/v2/batch' }],
    ] as const) {
      const reply = await post(api.url, body, options);
      const { message, ...rest } = JSON.parse(reply.text) as Record<string, unknown>;
      expect(rest).toEqual({ success: false, code, error: message });
      expect(message).toEqual(expect.stringMatching(/\w{3}/));
    }
  });
});

describe('pages of other origins', () => {
  const origin = 'https://shop.test';
  const preflight = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  };

  test.each(['/v1/batch', '/v1/t', '/v1/b'])('may send to %s, with any headers', async (path) => {
    const reply = await ask('OPTIONS', path, preflight);
    expect(reply.status).toBe(204);
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-allow-headers': 'authorization,content-type',
      vary: expect.stringContaining('Origin'),
    });
    const sent = await post(api.url, batchOf(1), { headers: { origin } });
    expect(sent.headers).toMatchObject({ 'access-control-allow-origin': origin });
  });

  test('may read why a request was refused, and when to retry', async () => {
    const refused = await post(api.url, '{', { headers: { origin } });
    expect(refused.headers).toMatchObject({ 'access-control-allow-origin': origin });
    await api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '1' } }]);
    const limited = await post(api.url, batchOf(1), { headers: { origin } });
    expect(limited.status).toBe(429);
    expect(limited.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': expect.stringContaining('Retry-After'),
    });
  });

  test("send preflights that aren't recorded and don't use up the script", async () => {
    await api.script([{ type: 'answer', status: 503 }]);
    expect((await ask('OPTIONS', '/v1/t', preflight)).status).toBe(204);
    expect((await api.counts()).requests).toBe(0);
    expect((await post(api.url, batchOf(1))).status).toBe(503);
  });

  test('may not control the API itself', async () => {
    const reply = await ask('OPTIONS', '/_offthread/reset', preflight);
    expect(reply.status).toBe(404);
    expect(reply.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('are restricted to a list, if there is one', async () => {
    await using listed = await startTrackingApi({ in: 'thread', origins: [origin] });
    const from = async (origin: string) =>
      (await post(listed.url, batchOf(1), { headers: { origin } })).headers['access-control-allow-origin'];
    expect(await from(origin)).toBe(origin);
    expect(await from('https://evil.test')).toBeUndefined();
  });
});

describe('faults of events', () => {
  const nobody = { type: 'track', event: 'Bought', messageId: 'nobody' };

  test("don't cause a refusal: the API answers 200, and the record shows them beside the event", async () => {
    const batch = [trackEvent(), nobody, 5, trackEvent({ type: 'trace' })];
    const reply = await post(api.url, { batch });
    expect(reply.status).toBe(200);
    expect(await api.requests()).toMatchObject([
      {
        accepted: true,
        refusal: null,
        eventCount: 4,
        faults: [
          { index: 1, code: 'no_user', message: 'has neither userId nor anonymousId' },
          { index: 2, code: 'not_an_object' },
          { index: 3, code: 'unknown_type' },
        ],
      },
    ]);
    expect(await api.events()).toEqual([batch[0], nobody, batch[3]]);
  });

  test.each([
    ['too many events', batchOf(2_501), 'too_many_events'],
    ['no events', { batch: [] }, 'empty_batch'],
    ['no batch', { events: [] }, 'no_batch'],
  ])('are recorded for a batch with %s', async (_, body, code) => {
    expect((await post(api.url, body)).status).toBe(200);
    expect(await api.requests()).toMatchObject([{ status: 200, faults: [{ index: null, code }] }]);
  });

  test('are limited to the number of events a batch may have', async () => {
    const body = `{"batch":[${'1,'.repeat(200_000)}1]}`;
    expect((await post(api.url, body)).status).toBe(200);
    const [request] = await api.requests();
    expect(request?.eventCount).toBe(200_001);
    expect(request?.faults.length).toBe(2_500);
    expect(request?.faults[0]?.code).toBe('too_many_events');
  });

  test('cause a refusal if the API is strict', async () => {
    await using strict = await startTrackingApi({ in: 'thread', strict: true });
    const reply = await post(strict.url, { batch: [trackEvent(), nobody] });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text)).toMatchObject({
      code: 'invalid_event',
      message: 'batch[1] has neither userId nor anonymousId',
    });
    expect(await strict.requests()).toMatchObject([
      { accepted: false, refusal: 'batch[1] has neither userId nor anonymousId', faults: [{ index: 1 }] },
    ]);
  });

  test('always cause a refusal if the event is over 32 KB', async () => {
    const batch = [trackEvent(), trackEvent({ properties: { filler: 'x'.repeat(40_000) } })];
    const reply = await post(api.url, { batch });
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text)).toMatchObject({ code: 'payload_too_large' });
    expect(await api.requests()).toMatchObject([{ faults: [{ index: 1, code: 'event_too_large' }] }]);
  });
});

/** In the formats of the clients' public documentation and sources. */
describe('bodies of other clients', () => {
  const timestamp = '2026-01-31T12:00:00.000Z';

  test('of analytics-ruby: a batch to /v1/import with Basic authentication', async () => {
    const event = {
      type: 'track',
      messageId: '0b5d7e0c-6e0f-4a26-9f1d-3f9a0f3b6c11',
      timestamp: '2026-01-31T12:00:00.000+00:00',
      userId: 'u1',
      event: 'Item Purchased',
      properties: { price: 39.95 },
      context: { library: { name: 'analytics-ruby', version: '2.5.0' } },
      integrations: {},
    };
    const body = { sentAt: '2026-01-31T12:00:01.000+00:00', batch: [event] };
    const headers = { accept: 'application/json', 'user-agent': 'analytics-ruby/2.5.0' };
    const reply = await post(api.url, body, { path: '/v1/import', headers });
    expect(reply.status).toBe(200);
    expect(await api.events()).toEqual([event]);
    const refused = await post(api.url, '{', { path: '/v1/import', headers });
    expect(JSON.parse(refused.text)).toHaveProperty('error', 'the request body is not valid JSON');
  });

  test.each([
    ['up to 2.3: the key in the body alone', null, false],
    ['up to 2.3, with gzip', null, true],
    ['from 2.4 on: the key in both places', 'PYTHON', true],
  ])('of analytics-python %s', async (_, writeKey, gzip) => {
    const event = {
      integrations: {},
      anonymousId: null,
      timestamp: '2026-01-31T12:00:00+00:00',
      context: { library: { name: 'analytics-python', version: '2.3.4' } },
      type: 'track',
      event: 'Item Purchased',
      messageId: '5b1d5b0a-59b2-44b3-a02c-0c0a4e5ad4a1',
      userId: 'u1',
      properties: { price: 39.95 },
    };
    const body = { batch: [event], writeKey: 'PYTHON', sentAt: '2026-01-31T12:00:01.000000+00:00' };
    const reply = await post(api.url, body, { writeKey, gzip });
    expect(reply.status).toBe(200);
    expect(await api.events()).toEqual([event]);
    expect(await api.requests()).toMatchObject([{ writeKey: 'PYTHON', faults: [] }]);
    const refused = await post(api.url, '{', { writeKey: null });
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'invalid_json', message: expect.any(String) });
  });

  test.each([false, true])('of analytics-php, with gzip: %s', async (gzip) => {
    const event = {
      userId: 'u1',
      event: 'Item Purchased',
      properties: {},
      context: { library: { name: 'analytics-php', version: '3.8.0', consumer: 'LibCurl' } },
      timestamp: '2026-01-31T12:00:00+00:00',
      messageId: '5b1d5b0a-59b2-44b3-a02c-0c0a4e5ad4a1',
      type: 'track',
    };
    const body = { batch: [event], sentAt: '2026-01-31T12:00:01+00:00' };
    const headers = { 'user-agent': 'analytics-php/3.8.0' };
    expect((await post(api.url, body, { gzip, headers })).status).toBe(200);
    expect(await api.events()).toEqual([event]);
    expect(await api.requests()).toMatchObject([{ writeKey: 'KEY', faults: [], sentAt: body.sentAt }]);
  });

  test('of analytics-java: the context and more on the batch, to a path with a trailing slash', async () => {
    const event = {
      type: 'track',
      messageId: '5b1d5b0a-59b2-44b3-a02c-0c0a4e5ad4a1',
      timestamp,
      userId: 'u1',
      event: 'Item Purchased',
      properties: { price: 39.95 },
      integrations: { All: true },
      context: { ip: '192.0.2.1' },
    };
    const library = { name: 'analytics-java', version: '3.5.0' };
    const body = { batch: [event], channel: 'server', sentAt: timestamp, context: { library }, sequence: 1 };
    expect((await post(api.url, body, { path: '/v1/import/' })).status).toBe(200);
    expect(await api.events()).toEqual([{ ...event, context: { library, ip: '192.0.2.1' } }]);
    expect(await api.requests()).toMatchObject([{ sentAt: timestamp, faults: [] }]);
  });

  test('of analytics-go: messageId, sentAt and context on the batch', async () => {
    const event = {
      type: 'track',
      messageId: '1LTR3CtXBGD9yWVkfCmCXZ5zVIH',
      userId: 'u1',
      event: 'Item Purchased',
      timestamp,
      properties: { price: 39.95, ledger: 1 },
    };
    const context = { library: { name: 'analytics-go', version: '3.3.0' } };
    const body = { messageId: '1LTR3GxBb0H2zjSJ0mDgkxW3mNv', sentAt: timestamp, batch: [event], context };
    const headers = { 'user-agent': 'analytics-go (version: 3.3.0)' };
    expect((await post(api.url, body, { headers })).status).toBe(200);
    expect(await api.events()).toEqual([{ ...event, context }]);
    expect(await api.requests()).toMatchObject([{ sentAt: timestamp, faults: [] }]);
  });
});
