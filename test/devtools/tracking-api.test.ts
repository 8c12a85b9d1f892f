// The local Tracking API answers as Segment's does, within the same limits, and remembers what arrived.
import { once } from 'node:events';
import http from 'node:http';
import { gzipSync } from 'node:zlib';
import {
  createTrackingApi,
  MAX_BATCH_EVENTS,
  MAX_EVENT_BYTES,
  MAX_REQUEST_BYTES,
  startTrackingApi,
  type TrackingApi,
} from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

let api: TrackingApi;

beforeAll(async () => {
  api = await startTrackingApi({ strict: true });
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** A track event whose JSON text is exactly that many bytes. */
function eventOfBytes(bytes: number, filler = 'x'): Record<string, unknown> {
  const event = trackEvent({ properties: { filler: '' } });
  const room = bytes - Buffer.byteLength(JSON.stringify(event));
  const size = Buffer.byteLength(filler);
  event['properties'] = { filler: filler.repeat(Math.floor(room / size)) + 'x'.repeat(room % size) };
  expect(Buffer.byteLength(JSON.stringify(event))).toBe(bytes);
  return event;
}

/** A batch body of exactly that many bytes, of events far below their own limit. */
function bodyOfBytes(bytes: number): string {
  const batch = Array.from({ length: 30 }, () => trackEvent());
  const text = JSON.stringify({ batch, padding: '' });
  return JSON.stringify({ batch, padding: 'x'.repeat(bytes - text.length) });
}

async function refusal(body: unknown, path = '/v1/batch'): Promise<string> {
  const reply = await post(api.url, body, { path });
  expect(reply.status).toBe(400);
  const { success, message } = JSON.parse(reply.text) as { success: boolean; message: string };
  expect(success).toBe(false);
  expect(await api.events()).toEqual([]);
  return message;
}

describe('requests that are accepted', () => {
  test.each(['/v1/batch', '/v1/import'])(
    'a batch on %s is answered 200 and its events are received in order',
    async (path) => {
      const body = batchOf(3);
      const reply = await post(api.url, body, { path });
      expect(reply.status).toBe(200);
      expect(JSON.parse(reply.text)).toEqual({ success: true });
      expect(await api.events()).toEqual(body.batch);
      expect(await api.messageIds()).toEqual(body.batch.map((event) => event['messageId']));
    },
  );

  test.each([
    ['track', { userId: 'u', event: 'E' }],
    ['identify', { userId: 'u' }],
    ['page', { anonymousId: 'a' }],
    ['screen', { anonymousId: 'a', name: 'Home' }],
    ['group', { userId: 'u', groupId: 'g' }],
    ['alias', { userId: 'u', previousId: 'p' }],
  ])('a single %s event on its own route is received with its type', async (type, event) => {
    expect((await post(api.url, event, { path: `/v1/${type}` })).status).toBe(200);
    expect(await api.events()).toEqual([{ ...event, type }]);
  });

  test('a gzip body is unpacked, and both sizes are recorded', async () => {
    const body = batchOf(50);
    expect((await post(api.url, body, { gzip: true })).status).toBe(200);
    const [request] = await api.requests();
    expect(request?.events).toEqual(body.batch);
    expect(request?.plainBytes).toBe(JSON.stringify(body).length);
    expect(request?.bodyBytes).toBe(gzipSync(JSON.stringify(body)).length);
  });

  test('a record has the sender, the content, the time and the reply', async () => {
    const body = batchOf(2);
    await post(api.url, body, { writeKey: 'other', headers: { 'x-retry-count': '3' } });
    expect(await api.requests()).toMatchObject([
      {
        sequence: 1,
        method: 'POST',
        path: '/v1/batch',
        writeKey: 'other',
        headers: { 'x-retry-count': '3' },
        sentAt: body.sentAt,
        eventCount: 2,
        status: 200,
        accepted: true,
        behaviour: 'ok',
        refusal: null,
        state: 'answered',
        receivedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ]);
    expect(await api.body(1)).toBe(JSON.stringify(body));
  });

  test('an event that comes again is received again and counted as a duplicate, by write key', async () => {
    const body = batchOf(2);
    await post(api.url, body);
    await post(api.url, body);
    await post(api.url, body, { writeKey: 'other' });
    expect(await api.counts()).toMatchObject({
      requests: 3,
      accepted: 3,
      events: 6,
      duplicates: 2,
      biggestBatch: 2,
    });
  });
});

describe('limits', () => {
  test.each([MAX_EVENT_BYTES - 1, MAX_EVENT_BYTES])('an event of %i bytes is received', async (bytes) => {
    const spaced = `{ "batch" : [ ${JSON.stringify(trackEvent())} , ${JSON.stringify(eventOfBytes(bytes))} ] }`;
    expect((await post(api.url, spaced)).status).toBe(200);
  });

  test('an event one byte over 32 KiB is refused, wherever in the batch it is', async () => {
    const batch = [trackEvent(), trackEvent(), eventOfBytes(MAX_EVENT_BYTES + 1), trackEvent()];
    expect(await refusal({ batch })).toBe('batch[2] is 32769 bytes, over the limit of 32768');
  });

  test('the size of an event is measured in bytes of UTF-8, not in characters', async () => {
    await refusal({ batch: [eventOfBytes(MAX_EVENT_BYTES + 1, '\u{1F600}')] });
    expect((await post(api.url, { batch: [eventOfBytes(MAX_EVENT_BYTES, '\u{1F600}')] })).status).toBe(200);
  });

  test('brackets, quotes and commas inside strings do not confuse the measuring', async () => {
    const tricky = trackEvent({
      properties: { a: '"batch":[{]},\\"\\', b: [[], [1, [2]], {}, ''], batch: [1, 2] },
    });
    const batch = [tricky, eventOfBytes(MAX_EVENT_BYTES), tricky];
    const body = JSON.stringify({ context: { batch: ['no'] }, other: 'batch', batch, last: [1] }, null, 2);
    expect((await post(api.url, body)).status).toBe(400); // Indented, the big event is over the limit as sent.
    expect(
      (await post(api.url, { context: { batch: ['no'] }, other: 'batch', batch, last: [1] })).status,
    ).toBe(200);
  });

  test('a single event over 32 KiB on its own route is refused', async () => {
    const { type: _, ...event } = eventOfBytes(MAX_EVENT_BYTES + 30);
    await refusal(event, '/v1/track');
  });

  test.each([MAX_REQUEST_BYTES - 1, MAX_REQUEST_BYTES])('a body of %i bytes is received', async (bytes) => {
    expect((await post(api.url, bodyOfBytes(bytes))).status).toBe(200);
    expect(await api.counts()).toMatchObject({ biggestBody: bytes });
  });

  test('a body one byte over 500 KiB is refused, compressed or not', async () => {
    expect(await refusal(bodyOfBytes(MAX_REQUEST_BYTES + 1))).toContain('over the limit');
    expect((await post(api.url, bodyOfBytes(MAX_REQUEST_BYTES + 1), { gzip: true })).status).toBe(400);
  });

  test('a body that is far too large, also after decompression, is refused without being kept', async () => {
    const large = Buffer.alloc(20_000_000, ' ');
    await refusal(large);
    expect((await post(api.url, large, { gzip: true })).status).toBe(400);
    expect(await api.requests()).toMatchObject([
      { bodyBytes: 20_000_000, plainBytes: null },
      { plainBytes: null },
    ]);
  });

  test.each([MAX_BATCH_EVENTS - 1, MAX_BATCH_EVENTS])('a batch of %i events is received', async (count) => {
    expect((await post(api.url, batchOf(count))).status).toBe(200);
    expect(await api.counts()).toMatchObject({ biggestBatch: count, events: count });
  });

  test('a batch of 2,501 events is refused', async () => {
    expect(await refusal(batchOf(MAX_BATCH_EVENTS + 1))).toContain('2501 events');
  });

  test('a messageId of 100 characters is received, one of 101 is refused', async () => {
    await refusal({ batch: [trackEvent({ messageId: 'x'.repeat(101) })] });
    expect((await post(api.url, { batch: [trackEvent({ messageId: 'x'.repeat(100) })] })).status).toBe(200);
  });
});

describe('requests that are refused', () => {
  test.each([
    ['text that is not JSON', '{"batch":[', 'not valid JSON'],
    ['an empty body', '', 'not valid JSON'],
    ['a JSON array', [], 'not a JSON object'],
    ['no batch', { events: [] }, 'no batch array'],
    ['a batch that is an object', { batch: {} }, 'no batch array'],
    ['an empty batch', { batch: [] }, 'the batch is empty'],
    ['an event that is no object', { batch: [trackEvent(), 5] }, 'batch[1] is not an object'],
    ['an event without type', { batch: [{ userId: 'u' }] }, 'batch[0] has no type'],
    ['an unknown type', { batch: [trackEvent({ type: 'trace' })] }, 'unknown type'],
    ['an event of nobody', { batch: [{ type: 'identify' }] }, 'neither userId nor anonymousId'],
    [
      'an event of an empty userId',
      { batch: [{ type: 'page', userId: '' }] },
      'neither userId nor anonymousId',
    ],
    ['a track without event', { batch: [{ type: 'track', userId: 'u' }] }, 'track without event'],
    ['a group without groupId', { batch: [{ type: 'group', userId: 'u' }] }, 'group without groupId'],
    ['an alias without previousId', { batch: [{ type: 'alias', userId: 'u' }] }, 'alias without previousId'],
    ['an alias without userId', { batch: [{ type: 'alias', previousId: 'p' }] }, 'alias without userId'],
    ['a messageId that is a number', { batch: [trackEvent({ messageId: 5 })] }, 'not a string'],
  ])('%s is answered 400 with the reason', async (_, body, reason) => {
    expect(await refusal(body)).toContain(reason);
  });

  test('a body that is declared as gzip and is not, or has an unknown encoding, is refused', async () => {
    const asGzip = { headers: { 'content-encoding': 'gzip' } };
    expect((await post(api.url, batchOf(1), asGzip)).text).toContain('not valid gzip');
    expect((await post(api.url, batchOf(1), { headers: { 'content-encoding': 'br' } })).status).toBe(400);
  });

  test.each([
    ['no authorization', {}],
    ['an empty user name', { authorization: `Basic ${btoa(':')}` }],
    ['a password', { authorization: `Basic ${btoa('KEY:secret')}` }],
    ['another scheme', { authorization: 'Bearer KEY' }],
  ])('%s is answered 401', async (_, headers) => {
    const reply = await post(api.url, batchOf(1), { writeKey: null, headers });
    expect(reply.status).toBe(401);
    expect(await api.requests()).toMatchObject([
      { accepted: false, status: 401, writeKey: null, eventCount: 1 },
    ]);
    expect(await api.events()).toEqual([]);
  });

  test('any access token is accepted, with the write key in the body', async () => {
    await using strict = await createTrackingApi({ writeKeys: ['GOOD'] });
    const headers = { authorization: 'Bearer eyJ.to-ken_~+/==' };
    const send = (writeKey: unknown) =>
      post(strict.url, { ...batchOf(1), writeKey }, { writeKey: null, headers });
    expect((await send('GOOD')).status).toBe(200);
    for (const wrong of ['BAD', '', 1, undefined]) expect((await send(wrong)).status).toBe(401);
  });

  test('only listed write keys are accepted if there is a list', async () => {
    await using strict = await createTrackingApi({ writeKeys: ['GOOD', 'BETTER'] });
    expect((await post(strict.url, batchOf(1), { writeKey: 'BETTER' })).status).toBe(200);
    expect((await post(strict.url, batchOf(1), { writeKey: 'BAD' })).status).toBe(401);
  });

  test('another path or method is answered 404 and recorded', async () => {
    expect((await post(api.url, batchOf(1), { path: '/v2/batch' })).status).toBe(404);
    expect((await fetch(`${api.url}/v1/batch`)).status).toBe(404);
    expect(await api.counts()).toMatchObject({ requests: 2, refused: 2, statuses: { 404: 2 } });
  });
});

describe('memory', () => {
  test('the oldest requests are forgotten beyond maxRecorded, and counted', async () => {
    await using small = await startTrackingApi({ in: 'thread', maxRecorded: 10 });
    for (let n = 0; n < 5; n += 1) await post(small.url, batchOf(4));
    expect((await small.requests()).map((request) => request.sequence)).toEqual([4, 5]);
    expect(await small.counts()).toMatchObject({ requests: 5, events: 20, forgotten: 3 });
    expect((await small.events()).length).toBe(8);
  });

  test('with ids only, the messageIds are kept and the events are not', async () => {
    await using ids = await startTrackingApi({ in: 'thread', record: 'ids' });
    const body = batchOf(3);
    await post(ids.url, body);
    expect(await ids.messageIds()).toEqual(body.batch.map((event) => event['messageId']));
    expect(await ids.requests()).toMatchObject([{ eventCount: 3, events: [] }]);
    await expect(ids.events()).rejects.toThrow("events are not kept with record: 'ids'");
  });

  test('with counters only, nothing else is kept', async () => {
    await using counting = await startTrackingApi({ in: 'thread', record: 'count' });
    await post(counting.url, batchOf(3));
    expect(await counting.requests()).toEqual([]);
    expect(await counting.counts()).toMatchObject({ requests: 1, events: 3 });
  });

  test('skimmed, events are counted and not read', async () => {
    await using skimming = await startTrackingApi({ in: 'thread', record: 'count', skim: true });
    const body = batchOf(3);
    await post(skimming.url, body);
    const unlikely = { batch: [{ messageId: 'a', type: 'no such type' }] };
    expect((await post(skimming.url, unlikely)).status).toBe(200);
    expect((await post(skimming.url, body, { writeKey: '' })).status).toBe(401);
    expect(await skimming.counts()).toMatchObject({ requests: 3, events: 4, duplicates: 0, biggestBatch: 3 });
  });

  test('skimmed, an event counts once, however the body comes', async () => {
    await using skimming = await startTrackingApi({ in: 'thread', record: 'count', skim: true });
    const text = JSON.stringify(batchOf(2));
    for (const size of [1, 5, 13, text.length]) {
      const headers = { authorization: 'Basic a2V5Og==' };
      const request = http.request(`${skimming.url}/v1/batch`, { method: 'POST', headers });
      // Each of them a chunk to the server, however the network cuts it.
      for (let at = 0; at < text.length; at += size) request.write(text.slice(at, at + size));
      request.end();
      const [response] = await once(request, 'response');
      expect(response.statusCode).toBe(200);
      response.resume();
      await once(response, 'end');
    }
    expect(await skimming.counts()).toMatchObject({ requests: 4, events: 8, biggestBatch: 2 });
  });

  test('skimmed, events are read if a rule or an access token requires it', async () => {
    await using skimming = await startTrackingApi({ in: 'thread', record: 'count', skim: true });
    const authorization = 'Bearer token';
    expect((await post(skimming.url, batchOf(2), { headers: { authorization } })).status).toBe(401);
    const withKey = { ...batchOf(2), writeKey: 'in the body' };
    expect((await post(skimming.url, withKey, { headers: { authorization } })).status).toBe(200);
    await skimming.rules([{ match: { minEvents: 2 }, behaviour: { type: 'answer', status: 413 } }]);
    expect((await post(skimming.url, batchOf(2))).status).toBe(413);
    expect((await post(skimming.url, batchOf(1))).status).toBe(200);
  });

  test('100,000 events arrive and are read back whole', { timeout: 60_000 }, async () => {
    const bodies = Array.from({ length: 100 }, () => batchOf(1_000));
    for (const body of bodies) await post(api.url, body);
    expect((await api.waitFor({ events: 100_000 })).duplicates).toBe(0);
    expect(await api.messageIds()).toEqual(
      bodies.flatMap(({ batch }) => batch.map((event) => event['messageId'])),
    );
  });
});
