// The local Tracking API misbehaves as told, request by request, seen from a client that has no SDK in it.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { type Behaviour, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';

let api: TrackingApi;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

/** The code of the error that a post ends with. */
async function failure(body: unknown = batchOf(1), timeoutMs = 5_000): Promise<string> {
  const error: unknown = await post(api.url, body, { timeoutMs }).then(
    (reply) => `answered ${reply.status}`,
    (reason: unknown) => reason,
  );
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Every byte a bare socket gets for a request, until the connection ends or `ms` have passed. */
async function bytesOf(body: string, ms = 2_000): Promise<{ text: string; ended: boolean; error: string }> {
  const socket = connect(api.port, '127.0.0.1');
  const seen = { text: '', ended: false, error: '' };
  const closed = new Promise<void>((resolve) => {
    socket.on('data', (piece: Buffer) => {
      seen.text += piece.toString('latin1');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      seen.error = error.code ?? error.message;
    });
    socket.once('close', () => {
      seen.ended = true;
      resolve();
    });
  });
  const auth = `authorization: Basic ${btoa('KEY:')}`;
  socket.write(
    `POST /v1/batch HTTP/1.1\r\nhost: x\r\n${auth}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const stop = new AbortController();
  await Promise.race([closed, delay(ms, undefined, { signal: stop.signal }).catch(() => {})]);
  stop.abort();
  const result = { ...seen };
  socket.destroy();
  return result;
}

describe('replies', () => {
  test('a script is followed in order, one item a request, then everything is ordinary again', async () => {
    await api.script([
      { type: 'answer', status: 503, times: 2 },
      { type: 'answer', status: 429, headers: { 'retry-after': '7' } },
    ]);
    await api.script([{ type: 'answer', status: 400 }]);
    const replies = [];
    for (let n = 0; n < 5; n += 1) replies.push(await post(api.url, batchOf(1)));
    expect(replies.map((reply) => reply.status)).toEqual([503, 503, 429, 400, 200]);
    expect(replies[2]?.headers['retry-after']).toBe('7');
    expect(JSON.parse(replies[0]?.text ?? '')).toMatchObject({ success: false });
  });

  test('events answered with an error are recorded and not received', async () => {
    await api.script([{ type: 'answer', status: 500 }]);
    const body = batchOf(2);
    await post(api.url, body);
    expect(await api.events()).toEqual([]);
    expect(await api.requests()).toMatchObject([{ accepted: false, status: 500, events: body.batch }]);
  });

  test('any 2xx receives the events, with whatever body', async () => {
    await api.script([
      { type: 'answer', status: 202, body: 'not { json' },
      { type: 'answer', status: 200, body: '' },
      { type: 'answer', status: 204 },
      { type: 'answer', status: 201, body: { taken: true }, headers: { 'x-extra': 'yes' } },
    ]);
    const replies = [];
    for (let n = 0; n < 4; n += 1) replies.push(await post(api.url, batchOf(1)));
    expect(replies.map(({ status, text }) => [status, text])).toEqual([
      [202, 'not { json'],
      [200, ''],
      [204, ''],
      [201, '{"taken":true}'],
    ]);
    expect(replies[3]?.headers['x-extra']).toBe('yes');
    expect(await api.counts()).toMatchObject({ events: 4, accepted: 4 });
  });

  test('a 2xx for a request that the API would refuse receives nothing', async () => {
    await api.behave({ type: 'answer', status: 200 });
    expect((await post(api.url, '[]')).status).toBe(200);
    const refusal = 'the request body is not a JSON object';
    expect(await api.requests()).toMatchObject([{ accepted: false, refusal }]);
  });

  test('a delay holds back the reply, not the record', async () => {
    await api.script([
      { type: 'ok', delayMs: 600_000 },
      { type: 'ok', delayMs: 300 },
    ]);
    const headers = { authorization: `Basic ${btoa('KEY:')}` };
    const controller = new AbortController();
    const late = fetch(`${api.url}/v1/batch`, {
      ...{ method: 'POST', headers, body: JSON.stringify(batchOf(1)), signal: controller.signal },
    });
    await api.waitFor({ events: 1, timeoutMs: 20_000 });
    expect(await api.requests()).toMatchObject([{ state: 'open', durationMs: null }]);
    const startedAt = performance.now();
    expect((await post(api.url, batchOf(1))).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
    controller.abort();
    await expect(late).rejects.toThrow('aborted');
  });

  test('latencyMs delays every reply', async () => {
    await using slow = await startTrackingApi({ in: 'thread', latencyMs: 80 });
    const startedAt = performance.now();
    await post(slow.url, batchOf(1));
    await post(slow.url, batchOf(1));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(155);
  });

  test('a redirect names its location and receives nothing', async () => {
    await api.script([{ type: 'redirect', location: 'http://127.0.0.1:9/x' }]);
    const reply = await post(api.url, batchOf(1));
    expect([reply.status, reply.headers.location]).toEqual([307, 'http://127.0.0.1:9/x']);
    expect(await api.events()).toEqual([]);
  });

  test('a huge reply is as long as told', async () => {
    await api.script([{ type: 'huge', bytes: 3_000_000 }]);
    expect((await post(api.url, batchOf(1))).text.length).toBe(3_000_000);
  });

  test('a gzip bomb is small on the wire and unpacks to what was told', async () => {
    await api.script([{ type: 'gzip-bomb', bytes: 5_000_000 }]);
    const { bytes, headers } = await post(api.url, batchOf(1));
    expect(headers['content-encoding']).toBe('gzip');
    expect(bytes.length).toBeLessThan(20_000);
    expect(gunzipSync(bytes).length).toBe(5_000_000);
  });
});

describe('connections', () => {
  test.each(['headers', 'body'] as const)('a connection dropped after the %s is reset', async (after) => {
    await api.script([{ type: 'drop', after }]);
    expect(await failure()).toBe('ECONNRESET');
    const [request] = await api.requests();
    expect(request).toMatchObject({ accepted: false, status: null, behaviour: 'drop', state: 'broken' });
    expect(request?.eventCount).toBe(after === 'body' ? 1 : 0);
  });

  test('a reply cut in the middle by a reset has received the events', async () => {
    await api.script([{ type: 'drop', after: 'partial-reply' }]);
    const seen = await bytesOf(JSON.stringify(batchOf(1)));
    expect(seen.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"succes$/);
    expect(seen.error).toBe('ECONNRESET');
    expect(await api.counts()).toMatchObject({ events: 1 });
  });

  test('accept: false lets the events of a lost reply be lost as well', async () => {
    await api.script([{ type: 'drop', after: 'partial-reply', accept: false }]);
    expect(await failure()).toBe('ECONNRESET');
    expect(await api.counts()).toMatchObject({ events: 0, requests: 1 });
  });

  test('a truncated reply promises more than it sends', async () => {
    await api.script([{ type: 'truncate' }]);
    const seen = await bytesOf(JSON.stringify(batchOf(1)));
    expect(seen).toMatchObject({ ended: true, error: '' });
    expect(seen.text).toContain('content-length: 1000');
    expect(seen.text.length).toBeLessThan(200);
    await api.script([{ type: 'truncate' }]);
    expect(await failure()).toBe('ECONNRESET'); // Node's name for a reply that ends too early.
  });

  test('garbage is not HTTP', async () => {
    await api.script([{ type: 'garbage' }]);
    expect(await failure()).toMatch(/^HPE_/);
  });

  test('a request left hanging is read and never answered', async () => {
    await api.script([{ type: 'hang' }]);
    expect(await failure(batchOf(4), 1_000)).toBe('ABORT_ERR');
    await expect.poll(async () => (await api.requests())[0]?.state).toBe('abandoned');
    expect(await api.requests()).toMatchObject([{ eventCount: 4, accepted: false }]);
  });

  test('a stalled upload stays in the buffers: the body is never read', async () => {
    await api.script([{ type: 'stall-upload' }]);
    const socket = connect(api.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`POST /v1/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n`);
    socket.write(Buffer.alloc(50_000_000, ' '));
    await api.waitFor({ requests: 1, timeoutMs: 20_000 });
    await delay(300);
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(await api.requests()).toMatchObject([{ behaviour: 'stall-upload', state: 'open', bodyBytes: 0 }]);
    socket.destroy();
  });

  test.each([false, true])('a dripped reply comes byte by byte (head too: %s)', async (head) => {
    await api.script([{ type: 'drip', intervalMs: 20, bytes: 500, head }]);
    const startedAt = performance.now();
    const { text, ended } = await bytesOf(JSON.stringify(batchOf(1)), 1_000);
    const most = (performance.now() - startedAt) / 20 + 10;
    const dripped = head ? text : (text.split('\r\n\r\n')[1] ?? '');
    expect(ended).toBe(false);
    expect(dripped.length).toBeGreaterThan(2);
    expect(dripped.length).toBeLessThan(most);
  });

  test('a dripped reply is a good one for who waits', async () => {
    await api.script([{ type: 'drip', intervalMs: 1, bytes: 30, head: true }]);
    expect(JSON.parse((await post(api.url, batchOf(1))).text)).toEqual({ success: true });
  });

  test('the control routes answer while requests hang, and reset lets those go', async () => {
    await api.behave({ type: 'hang' });
    const hanging = [failure(), failure(), failure()];
    await api.waitFor({ requests: 3, timeoutMs: 20_000 });
    expect(await api.counts()).toMatchObject({ connections: 3, maxConcurrentByWriteKey: { KEY: 3 } });
    await api.reset();
    expect(await Promise.all(hanging)).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET']);
  });

  test('requests that follow one another are never counted as concurrent', async () => {
    await api.script([{ type: 'hang' }, { type: 'drop', after: 'body' }, { type: 'truncate' }]);
    expect(await failure(batchOf(1), 500)).toBe('ABORT_ERR');
    for (let n = 0; n < 30; n += 1) await failure();
    expect(await api.counts()).toMatchObject({ maxConcurrentByWriteKey: { KEY: 1 } });
  });
});

describe('conditions', () => {
  const refuse: Behaviour = { type: 'answer', status: 413 };

  test('a rule on a messageId holds whenever that event is in a batch', async () => {
    await api.rules([{ match: { messageId: 'poison' }, behaviour: refuse }]);
    const poison = trackEvent({ messageId: 'poison' });
    expect((await post(api.url, { batch: [trackEvent(), poison] })).status).toBe(413);
    expect((await post(api.url, batchOf(2))).status).toBe(200);
    expect((await post(api.url, { batch: [poison] })).status).toBe(413);
  });

  test('every part of a match must hold, and the first rule that matches wins', async () => {
    await api.rules([
      { match: { eventName: 'Bad', minEvents: 2 }, behaviour: { type: 'answer', status: 400 } },
      { match: { writeKey: 'OTHER' }, behaviour: { type: 'answer', status: 403 } },
      { match: { minEvents: 3 }, behaviour: refuse, times: 1 },
    ]);
    const bad = trackEvent({ event: 'Bad' });
    expect((await post(api.url, { batch: [bad] })).status).toBe(200);
    expect((await post(api.url, { batch: [bad, bad] })).status).toBe(400);
    expect((await post(api.url, batchOf(1), { writeKey: 'OTHER' })).status).toBe(403);
    expect((await post(api.url, { batch: [bad, bad] }, { writeKey: 'OTHER' })).status).toBe(400);
    expect((await post(api.url, batchOf(3))).status).toBe(413);
    expect((await post(api.url, batchOf(3))).status).toBe(200);
  });

  test('the script comes before the rules, and the rules before the standing behaviour', async () => {
    await api.behave({ type: 'answer', status: 500 });
    await api.rules([{ match: { writeKey: 'A' }, behaviour: { type: 'answer', status: 401 } }]);
    await api.script([{ type: 'ok' }]);
    const statuses = [];
    for (const writeKey of ['A', 'A', 'B'])
      statuses.push((await post(api.url, batchOf(1), { writeKey })).status);
    expect(statuses).toEqual([200, 401, 500]);
  });

  test('sometimes is as often as told, and the same again with the same seed', async () => {
    const statuses = async (seed: number): Promise<number[]> => {
      await api.behave({
        type: 'sometimes',
        probability: 0.3,
        seed,
        behaviour: { type: 'answer', status: 500 },
      });
      const seen = [];
      for (let n = 0; n < 100; n += 1) seen.push((await post(api.url, batchOf(1))).status);
      return seen;
    };
    const first = await statuses(7);
    expect(first.filter((status) => status === 500).length).toBeGreaterThan(15);
    expect(first.filter((status) => status === 500).length).toBeLessThan(45);
    expect(await statuses(7)).toEqual(first);
    expect(await statuses(8)).not.toEqual(first);
  });

  test.each([
    [{ type: 'explode' }, 'unknown type "explode"'],
    [{ type: 'answer' }, 'status: expected number'],
    [{ type: 'answer', status: 99 }, 'from 200 to 599'],
    [{ type: 'ok', delay: 5 }, 'unknown field delay'],
    [{ type: 'drop', after: 'lunch' }, 'headers, body or partial-reply'],
  ])('an instruction that makes no sense is refused: %o', async (instruction, message) => {
    await expect(api.behave(instruction as Behaviour)).rejects.toThrow(message);
    expect((await post(api.url, batchOf(1))).status).toBe(200);
  });
});

describe('up, down and https', () => {
  test('a stopped API refuses connections and breaks open ones; started, it is on the same port', async () => {
    await api.behave({ type: 'hang' });
    const broken = failure();
    await api.waitFor({ requests: 1, timeoutMs: 20_000 });
    await api.stop();
    expect(await broken).toBe('ECONNRESET');
    expect(await failure()).toBe('ECONNREFUSED');
    await api.stop();
    expect(await api.counts()).toMatchObject({ requests: 1, connections: 0 });
    await api.behave({ type: 'ok' });
    await api.start();
    await api.start();
    expect((await post(api.url, batchOf(1))).status).toBe(200);
    expect(await api.counts()).toMatchObject({ requests: 2 });
  });

  test('waitFor that waits in vain says what did arrive', async () => {
    await api.script([{ type: 'answer', status: 503 }]);
    await post(api.url, batchOf(1));
    await post(api.url, batchOf(2));
    await expect(api.waitFor({ events: 5, timeoutMs: 100 })).rejects.toThrow(
      'waited 100 ms for 5 events; arrived: 2 events in 2 requests (1 refused), answered {"200":1,"503":1}',
    );
  });

  test('https serves the given certificate, can reset, and a client that does not trust it is refused', async () => {
    const tls = selfSigned();
    await using secure = await startTrackingApi({ in: 'thread', tls });
    expect(secure.url).toMatch(/^https:/);
    expect((await post(secure.url, batchOf(1), { ca: tls.cert })).status).toBe(200);
    await expect(post(secure.url, batchOf(1))).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    await secure.script([{ type: 'drop', after: 'body' }]);
    await expect(post(secure.url, batchOf(1), { ca: tls.cert })).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    expect((await secure.requests()).map((request) => request.state)).toEqual(['answered', 'broken']);
  });

  test('an expired certificate is expired', async () => {
    const tls = selfSigned({ validUntil: new Date(Date.now() - 86_400_000) });
    await using secure = await startTrackingApi({ in: 'thread', tls });
    await expect(post(secure.url, batchOf(1), { ca: tls.cert })).rejects.toMatchObject({
      code: 'CERT_HAS_EXPIRED',
    });
  });
});
