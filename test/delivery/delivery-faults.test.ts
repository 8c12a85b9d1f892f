// Every fault of the API or the network, produced by a real server: what is retried, what fails, that nothing is lost,
// and that the counters agree with what the server received.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type PlainBehaviour, startTrackingApi } from '@offthread/devtools';
import { beforeEach, describe, expect, test } from 'vitest';
import { Trial } from '../helpers/trial.js';
import { upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

beforeEach(() => bench.api.start());

/** Limit in ms for what is expected to happen. */
const BUDGET_MS = 15_000;

describe('retried', () => {
  const faults: [string, PlainBehaviour][] = [
    ...[500, 502, 503, 504, 599, 408, 410, 429, 460].map((status): [string, PlainBehaviour] => [
      `a ${status}`,
      { type: 'answer', status },
    ]),
    [
      'a 429 with an invalid Retry-After',
      { type: 'answer', status: 429, headers: { 'retry-after': 'soon' } },
    ],
    [
      'a 500 with Retry-After, which is ignored',
      { type: 'answer', status: 500, headers: { 'retry-after': '60' } },
    ],
    ['a 500 with a huge body', { type: 'answer', status: 500, body: 'x'.repeat(1_000_000) }],
    ['a connection reset at the headers', { type: 'drop', after: 'headers' }],
    ['a connection reset after the body', { type: 'drop', after: 'body' }],
    ['no reply', { type: 'hang' }],
    ['headers that arrive byte by byte', { type: 'drip', intervalMs: 100, head: true, accept: false }],
    ['a reply that is not HTTP', { type: 'garbage' }],
    [
      'endless headers',
      { type: 'answer', status: 200, headers: { 'x-much': 'x'.repeat(20_000) }, accept: false },
    ],
  ];

  test.each(faults)('%s', async (_name, behaviour) => {
    await using trial = new Trial({ host: bench.api.url, requestTimeout: 2_000 });
    await bench.api.script([behaviour]);
    const ids = trial.track(15);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({
      status: 'ok',
      delivered: 15,
      failed: 0,
    });

    const requests = await bench.api.requests();
    expect(requests.map(({ accepted }) => accepted)).toEqual([false, true]);
    expect(requests.map(({ headers }) => headers['x-retry-count'])).toEqual([undefined, '1']);
    expect(requests.at(-1)?.messageIds).toEqual(ids);
    expect(trial.analytics.stats()).toMatchObject({ requests: 2, retries: 1, delivered: 15 });
    expect(trial.errors).toEqual([]);
    await trial.balance(bench.api);
  });

  test('the same events each time, with the same generated messageIds, counted, and with a new sentAt', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '1' }, times: 2 }]);
    trial.analytics.track({ userId: 7, event: 'First', properties: { big: 2n ** 70n } });
    trial.analytics.identify({ anonymousId: 'anonymous', traits: { name: 'Ä' } });
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });

    const [first, ...later] = await bench.api.requests();
    expect(first?.events).toMatchObject([
      { event: 'First', properties: { big: '1180591620717411303424' } },
      { type: 'identify' },
    ]);
    expect(later.map(({ events }) => events)).toEqual([first?.events, first?.events]);
    expect([first, ...later].map((request) => request?.headers['x-retry-count'])).toEqual([
      undefined,
      '1',
      '2',
    ]);
    const sentAt = [first, ...later].map((request) => Date.parse(request?.sentAt ?? ''));
    expect((sentAt[1] ?? 0) - (sentAt[0] ?? 0)).toBeGreaterThanOrEqual(990);
    expect((sentAt[2] ?? 0) - (sentAt[1] ?? 0)).toBeGreaterThanOrEqual(990);
  });

  test('the first batch before any later one', async () => {
    await using trial = new Trial({ host: bench.api.url, batchSize: 2 });
    await bench.api.script([
      { type: 'answer', status: 500, times: 2 },
      { type: 'ok' },
      { type: 'drop', after: 'body' },
    ]);
    const ids = trial.track(6);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(6);
    expect(await bench.api.messageIds()).toEqual(ids);
    expect((await bench.api.requests()).map(({ messageIds }) => ids.indexOf(messageIds[0] ?? ''))).toEqual([
      0, 0, 0, 2, 2, 4,
    ]);
    expect((await bench.api.counts()).maxConcurrentByWriteKey).toEqual({ KEY: 1 });
    await trial.balance(bench.api);
  });

  // The first event doesn't linger. Everything else does until the flush, so it is in one request.
  test.each([
    ['an upload that is reset', false, { type: 'drop', after: 'headers' }],
    ['an upload that stalls', false, { type: 'stall-upload' }],
    ['a compressed upload', true, { type: 'answer', status: 500 }],
  ] as const)('a large batch: %s', async (_name, gzip, behaviour) => {
    await using trial = new Trial({ host: bench.api.url, requestTimeout: 2_000, linger: 60_000, gzip });
    await bench.api.script([{ type: 'ok' }, behaviour]);
    trial.track(1);
    await bench.api.waitFor({ requests: 1 });
    const ids = trial.track(15, 'Thing Done', { text: 'x'.repeat(30_000) });
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(16);
    const [, faulty, final, ...more] = await bench.api.requests();
    expect(more).toEqual([]);
    expect([faulty?.accepted, final?.accepted]).toEqual([false, true]);
    expect(final?.messageIds).toEqual(ids);
    expect(final?.headers['content-encoding']).toBe(gzip ? 'gzip' : undefined);
    expect(final?.plainBytes).toBeGreaterThan(450_000);
    expect((final?.bodyBytes ?? 0) < 20_000).toBe(gzip);
    await trial.balance(bench.api);
  });

  test('until the API is up again', async () => {
    await using trial = new Trial({ host: bench.api.url });
    trial.track(3);
    await trial.flushAsync(BUDGET_MS);
    await bench.api.stop();
    trial.track(250);
    expect(await trial.flushAsync(300)).toMatchObject({
      status: 'timeout',
      delivered: 0,
      pending: 250,
    });
    expect(trial.analytics.stats()).toMatchObject({ accepted: 253, delivered: 3, pending: 250 });
    await bench.api.start();
    // A retry may have succeeded before the flush, which doesn't count it then.
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(253);
    expect(trial.errors).toEqual([]);
    await trial.balance(bench.api);
  });
});

describe('given up', () => {
  test('after maxRetries, with code, status, attempts and the events, which can be sent again', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 2 });
    await bench.api.script([{ type: 'answer', status: 503, body: 'busy', times: 3 }]);
    const ids = trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({
      status: 'ok',
      delivered: 0,
      failed: 2,
    });
    expect(trial.errors).toMatchObject([
      {
        code: 'retries_exhausted',
        status: 503,
        attempts: 3,
        count: 2,
        message: 'Gave up after 2 retries: status 503, busy',
      },
    ]);
    const [{ events: sent = [] } = {}] = await bench.api.requests();
    expect(trial.errors[0]?.events).toEqual(sent);
    expect(sent.map(({ messageId }) => messageId)).toEqual(ids);
    trial.track();
    await trial.flushAsync(BUDGET_MS);
    await trial.balance(bench.api);
  });

  test('if the host name cannot be resolved', async () => {
    await using trial = new Trial({ host: 'https://nowhere.invalid', maxRetries: 1 });
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', status: undefined, attempts: 2 }]);
    expect(trial.errors[0]?.message).toContain('nowhere.invalid');
    await trial.balance(bench.api);
  });

  test('if the connection is refused', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 1 });
    await bench.api.stop();
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', status: undefined, attempts: 2 }]);
    expect(trial.errors[0]?.message).toContain('ECONNREFUSED');
    await trial.balance(bench.api);
  });

  test('after maxRetryDuration, whatever Retry-After asks for', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetryDuration: 20_000 });
    const held = (seconds: string) =>
      ({ type: 'answer', status: 429, headers: { 'retry-after': seconds } }) as const;
    await bench.api.behave(held('60'));
    await bench.api.script([held('1')]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    expect(trial.errors).toMatchObject([{ code: 'retry_duration_exceeded', status: 429, attempts: 2 }]);
    await trial.balance(bench.api);
  });

  test.each([401, 402, 403, 404, 409, 422, 501, 505, 511])(
    'at once after a %i, as a whole batch',
    async (status) => {
      await using trial = new Trial({ host: bench.api.url });
      await bench.api.script([{ type: 'answer', status, body: 'no' }]);
      const refused = trial.track(3);
      expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 3 });
      expect(trial.errors).toMatchObject([
        { code: 'rejected', status, attempts: 1, message: `The API refused: status ${status}, no` },
      ]);
      expect(trial.ids('rejected')).toEqual(refused);
      expect(await bench.api.counts()).toMatchObject({ requests: 1 });
      trial.track(2);
      expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });
      await trial.balance(bench.api);
    },
  );
});

describe('halved', () => {
  test.each([413, 400])('after a %i, until only the refused event fails', async (status) => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.rules([
      { match: { eventName: 'Poison' }, behaviour: { type: 'answer', status, body: 'bad' } },
    ]);
    const ids = [
      ...trial.track(37),
      ...trial.track(1, 'Poison'),
      ...trial.track(20),
      ...trial.track(1, 'Poison'),
      ...trial.track(41),
    ];
    const poison = [ids[37], ids[58]];
    // The batch is full, so the first half of it may be delivered before the flush, which doesn't count it then.
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats()).toMatchObject({ delivered: 98, failed: 2 });
    expect(trial.errors).toMatchObject([
      { code: 'rejected', status, count: 1 },
      { code: 'rejected', status, count: 1 },
    ]);
    expect(trial.ids('rejected')).toEqual(poison);
    // In order, once each, and with no more requests than it takes to find two among a hundred.
    expect(await bench.api.messageIds()).toEqual(ids.filter((id) => !poison.includes(id)));
    expect((await bench.api.counts()).requests).toBeLessThanOrEqual(1 + 2 * 2 * 7);
    await trial.balance(bench.api);
  });

  test('and a half that gets another fault is retried', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([
      { type: 'answer', status: 413 },
      { type: 'answer', status: 500 },
      { type: 'ok' },
      { type: 'answer', status: 403 },
    ]);
    const ids = trial.track(5);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({
      status: 'ok',
      delivered: 3,
      failed: 2,
    });
    expect(trial.ids('rejected')).toEqual(ids.slice(3));
    expect((await bench.api.requests()).map(({ messageIds }) => messageIds.length)).toEqual([5, 3, 3, 2]);
    await trial.balance(bench.api);
  });

  test('after a 413 for everything, until each event fails by itself', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.behave({ type: 'answer', status: 413 });
    const ids = trial.track(8);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 8 });
    expect(trial.ids('rejected')).toEqual(ids);
    expect(trial.errors).toHaveLength(8);
    expect(await bench.api.counts()).toMatchObject({ requests: 15 });
    await trial.balance(bench.api);
  });

  test.each([413, 400])(
    'after a %i for everything, until 16 events in a row were refused',
    async (status) => {
      // The first event doesn't linger. Everything else does until the batch is full, so it is in one request.
      await using trial = new Trial({ host: bench.api.url, batchSize: 500, linger: 60_000 });
      await bench.api.behave({ type: 'answer', status, body: 'wrong path' });
      await bench.api.script([{ type: 'ok' }]);
      trial.track(1);
      await bench.api.waitFor({ requests: 1 });
      const ids = trial.track(500);
      expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
      expect(trial.analytics.stats()).toMatchObject({ delivered: 1, failed: 500 });
      expect(trial.ids('rejected')).toEqual(ids);
      expect(trial.errors.map(({ count }) => count)).toEqual([...Array(16).fill(1), 484]);
      for (const error of trial.errors)
        expect(error).toMatchObject({ code: 'rejected', status, attempts: 1 });
      expect(trial.errors.at(-1)?.message).toBe(
        `The API refused: status ${status}, wrong path; it refused 16 events of this batch in a row, so the rest was not sent`,
      );
      expect((await bench.api.requests())[1]?.eventCount).toBe(500);
      expect((await bench.api.counts()).requests).toBeLessThanOrEqual(40);
      await trial.balance(bench.api);
    },
  );

  test('a series of refusals ends with an event that fails for another reason', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 0 });
    await bench.api.rules([
      { match: { eventName: 'Poison' }, behaviour: { type: 'answer', status: 400 } },
      { match: { eventName: 'Busy' }, behaviour: { type: 'answer', status: 500 } },
    ]);
    const poison = [...trial.track(15, 'Poison')];
    const busy = trial.track(1, 'Busy');
    poison.push(...trial.track(15, 'Poison'));
    const good = trial.track(1);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 1 });
    expect(await bench.api.messageIds()).toEqual(good);
    expect(trial.ids('rejected')).toEqual(poison);
    expect(trial.ids('retries_exhausted')).toEqual(busy);
    await trial.balance(bench.api);
  });

  test("until 16 events in a row were refused, which doesn't affect the next batch", async () => {
    await using trial = new Trial({ host: bench.api.url, batchSize: 50 });
    await bench.api.rules([
      { match: { eventName: 'Poison' }, behaviour: { type: 'answer', status: 400, body: 'bad' } },
    ]);
    const poison = trial.track(50, 'Poison');
    const mixed = [...trial.track(15, 'Poison'), ...trial.track(1), ...trial.track(30, 'Poison')];
    const good = trial.track(4);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(5);
    expect(await bench.api.messageIds()).toEqual([mixed[15], ...good]);
    expect(trial.ids('rejected')).toEqual([...poison, ...mixed.filter((id) => id !== mixed[15])]);
    // One was delivered, so each of the others is tried by itself.
    expect(trial.errors.map(({ count }) => count)).toEqual([...Array(16).fill(1), 34, ...Array(45).fill(1)]);
    await trial.balance(bench.api);
  });

  test.each([
    [413, 'first', 0, 1],
    [400, 'first', 0, 1],
    [413, 'far apart', 700, 2_499],
    [400, 'far apart', 700, 2_499],
  ])('after a %i, and none of 2,498 is lost because of two that are %s', async (status, _name, ...places) => {
    // The first event doesn't linger. Everything else does until the batch is full, so it is in one request.
    await using trial = new Trial({ host: bench.api.url, batchSize: 2_500, linger: 60_000 });
    await bench.api.rules([
      { match: { eventName: 'Poison' }, behaviour: { type: 'answer', status, body: 'bad' } },
    ]);
    const first = trial.track(1);
    await bench.api.waitFor({ requests: 1 });
    const ids = upTo(2_500).flatMap((index) => trial.track(1, places.includes(index) ? 'Poison' : 'Good'));
    const poison = places.map((index) => ids[index]);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(2_499);
    expect(trial.ids('rejected')).toEqual(poison);
    expect(await bench.api.messageIds()).toEqual([...first, ...ids.filter((id) => !poison.includes(id))]);
    expect((await bench.api.requests())[1]?.eventCount).toBe(2_500);
    expect((await bench.api.counts()).requests).toBeLessThanOrEqual(2 + 2 * 2 * 12);
    await trial.balance(bench.api);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308] as const)('with a %i is reported and not followed', async (status) => {
    await using other = await startTrackingApi({ in: 'thread' });
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([
      { type: 'redirect', status, location: `${other.url}/v1/batch` },
      { type: 'redirect', status, location: '/v1/import' },
    ]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    trial.track(1);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 1 });
    expect(trial.errors).toMatchObject([
      { code: 'redirected', status, attempts: 1, count: 2 },
      { code: 'redirected', status, attempts: 1, count: 1 },
    ]);
    expect(trial.errors[0]?.message).toContain(other.url);
    expect(await bench.api.counts()).toMatchObject({ requests: 2 });
    expect(await other.counts()).toMatchObject({ requests: 0, maxConnections: 0 });
    await trial.balance(bench.api);
  });
});

describe('a 2xx is delivered', () => {
  const replies: [string, PlainBehaviour, string][] = [
    ['without a body', { type: 'answer', status: 200, body: '' }, 'answered'],
    ['without content', { type: 'answer', status: 204 }, 'answered'],
    ["that isn't JSON", { type: 'answer', status: 202, body: 'not { json' }, 'answered'],
    ['that reports a failure', { type: 'answer', status: 200, body: { success: false } }, 'answered'],
    ['that is truncated', { type: 'truncate' }, 'broken'],
    ['that is reset in the middle', { type: 'drop', after: 'partial-reply' }, 'broken'],
    ['that arrives byte by byte', { type: 'drip', intervalMs: 50 }, 'abandoned'],
    ['that is huge, of which 64 KiB are read', { type: 'huge', bytes: 200_000_000 }, 'abandoned'],
    ['that would decompress to 200 MB', { type: 'gzip-bomb', bytes: 200_000_000 }, 'abandoned'],
  ];

  test.each(replies)('%s, once', async (_name, behaviour, state) => {
    await using trial = new Trial({ host: bench.api.url, requestTimeout: 2_000 });
    await bench.api.script([behaviour]);
    trial.track(3);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 3 });
    trial.track(1);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 1 });
    await expect
      .poll(async () => (await bench.api.requests()).map((request) => request.state))
      .toEqual([state, 'answered']);
    expect(await bench.api.counts()).toMatchObject({ requests: 2, duplicates: 0 });
    expect(trial.errors).toEqual([]);
    await trial.balance(bench.api);
  });
});

describe('Retry-After', () => {
  const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toUTCString();
  // Holds however slow the machine is: the date has passed, or the minimum pause is over.
  const headers: [string, number, () => string, number][] = [
    ['seconds on a 429', 429, () => '1', 1_000],
    ['seconds on a 503', 503, () => '2', 2_000],
    ['a date', 429, () => inSeconds(3), 1_000],
    ['a date in the past, which still means a second', 503, () => inSeconds(-3_600), 1_000],
  ];

  test.each(headers)('is respected as %s, and uses up no retry', async (_name, status, header, atLeast) => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 0 });
    const retryAfter = header();
    await bench.api.script([{ type: 'answer', status, headers: { 'retry-after': retryAfter } }]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });
    const [first, second] = await bench.api.requests();
    expect((second?.receivedMs ?? 0) - (first?.receivedMs ?? 0)).toBeGreaterThanOrEqual(atLeast - 5);
    const date = Number(retryAfter) > 0 ? 0 : Date.parse(retryAfter);
    expect(Date.parse(second?.receivedAt ?? '')).toBeGreaterThanOrEqual(date - 5);
    await trial.balance(bench.api);
  });

  test('is also respected as X-RateLimit-Reset', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 0 });
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'x-ratelimit-reset': '1' } }]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });
    const [first, second] = await bench.api.requests();
    expect((second?.receivedMs ?? 0) - (first?.receivedMs ?? 0)).toBeGreaterThanOrEqual(995);
    await trial.balance(bench.api);
  });

  test('that is repeated is reported each time, until maxRetryDuration ends it', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 0, maxRetryDuration: 2_500 });
    const reported: unknown[] = [];
    const listen = (message: unknown): unknown => reported.push(message);
    subscribe('offthread:retried', listen);
    try {
      await bench.api.behave({ type: 'answer', status: 429, headers: { 'retry-after': '1' } });
      trial.track(2);
      await expect.poll(() => reported.length, { timeout: BUDGET_MS }).toBe(1);
      // During the pause.
      expect(reported).toMatchObject([{ count: 2, attempts: 1, status: 429 }]);
      expect(trial.analytics.stats()).toMatchObject({ pending: 2, retries: 1 });
      expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    } finally {
      unsubscribe('offthread:retried', listen);
    }
    const { attempts } = trial.errors[0] ?? {};
    expect(trial.errors).toMatchObject([{ code: 'retry_duration_exceeded', status: 429, count: 2 }]);
    expect(reported).toHaveLength((attempts ?? 0) - 1);
    await trial.balance(bench.api);
  });

  test('that is invalid uses up a retry', async () => {
    await using trial = new Trial({ host: bench.api.url, maxRetries: 0 });
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '-5' } }]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 2 });
    expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', status: 429, attempts: 1 }]);
    await trial.balance(bench.api);
  });

  test('pauses only this client', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await using other = new Trial({ host: bench.api.url, writeKey: 'OTHER' });
    await bench.api.rules([
      {
        match: { writeKey: 'KEY' },
        behaviour: { type: 'answer', status: 429, headers: { 'retry-after': '60' } },
      },
    ]);
    trial.track(2);
    await bench.api.waitFor({ requests: 1 });
    other.track(2);
    expect(await other.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });
    trial.track(2);
    expect(trial.flush(1_000)).toMatchObject({ status: 'timeout', pending: 4 });
    expect(await bench.api.counts()).toMatchObject({ requests: 2 });
    await trial.balance(bench.api);
    await other.balance(bench.api);
  });

  // The flush may start before the reply and learn of it while it waits, or start after it.
  test.each([
    ['blocking', 'before'],
    ['blocking', 'after'],
    ['asynchronous', 'before'],
    ['asynchronous', 'after'],
  ])('beyond the deadline ends a flush at once (%s) that started %s it was known', async (kind, when) => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([{ type: 'answer', status: 503, headers: { 'retry-after': '60' }, delayMs: 100 }]);
    const ids = trial.track(3);
    if (when === 'after') {
      await bench.api.waitFor({ requests: 1 });
      await expect.poll(() => trial.flush(500).elapsedMs).toBeLessThan(500);
    }
    const result = kind === 'blocking' ? trial.flush(30_000) : await trial.flushAsync(30_000);
    expect(result).toMatchObject({ status: 'timeout', delivered: 0, failed: 0, pending: 3 });
    expect(result.elapsedMs).toBeLessThan(10_000);
    expect(await bench.api.counts()).toMatchObject({ requests: 1 });
    await trial.balance(bench.api);

    // The events are passed to onError, so that they can be sent again.
    expect(await trial.analytics.close(30_000)).toMatchObject({ status: 'timeout', pending: 3 });
    expect(trial.ids('closed')).toEqual(ids);
    await trial.balance(bench.api);
  });

  test('before the deadline is waited for', async () => {
    await using trial = new Trial({ host: bench.api.url });
    await bench.api.script([{ type: 'answer', status: 429, headers: { 'retry-after': '1' } }]);
    trial.track(3);
    expect(trial.flush(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 3 });
    await trial.balance(bench.api);
  });
});

describe('a flush during a backoff', () => {
  test.each([
    ['blocking', { type: 'answer', status: 500 }],
    ['asynchronous', { type: 'drop', after: 'body' }],
  ] as const)('(%s) uses up no retry, so frequent flushes lose nothing', async (kind, behaviour) => {
    // Eight backoffs take more than two seconds, except once in a hundred million runs.
    await using trial = new Trial({ host: bench.api.url, maxRetries: 8 });
    await bench.api.behave(behaviour);
    trial.track(3);
    const flush = async (): Promise<void> => {
      if (kind === 'blocking') trial.flush(20);
      else await trial.flushAsync(20);
    };
    for (const end = performance.now() + 2_000; performance.now() < end; ) await flush();
    await bench.api.behave({ type: 'ok' });
    for (const end = performance.now() + BUDGET_MS; performance.now() < end; ) {
      await flush();
      if (trial.analytics.stats().pending === 0) break;
    }
    expect(trial.analytics.stats()).toMatchObject({ delivered: 3, failed: 0, pending: 0 });
    expect(trial.errors).toEqual([]);
    const counts = (await bench.api.requests()).map(({ headers }) => headers['x-retry-count']);
    expect(counts).toEqual([undefined, ...upTo(counts.length - 1).map((n) => String(n + 1))]);
    // At most one early attempt for each backoff besides the regular one, and one more for the last backoff.
    expect(counts.length).toBeLessThanOrEqual(2 * 8 + 2);
    await trial.balance(bench.api);
  });
});

describe('connections', () => {
  test('one carries many batches', async () => {
    await using trial = new Trial({ host: bench.api.url, batchSize: 5 });
    const ids = trial.track(100);
    // The first batches may be delivered before the flush, which doesn't count them.
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats().delivered).toBe(100);
    const requests = await bench.api.requests();
    expect(requests).toHaveLength(20);
    expect(new Set(requests.map(({ connection }) => connection)).size).toBe(1);
    expect(await bench.api.messageIds()).toEqual(ids);
    await trial.balance(bench.api);
  });

  // As if the server closes it as idle when it is used again. With its own API, so that the connection is new.
  test('a reused one that fails is replaced without using up a retry', async () => {
    await using api = await startTrackingApi({ in: 'thread' });
    await using trial = new Trial({ host: api.url, maxRetries: 0 });
    trial.track(1);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 1 });
    await api.script([{ type: 'drop', after: 'headers' }]);
    trial.track(2);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', delivered: 2 });
    expect(trial.analytics.stats()).toMatchObject({ requests: 3, retries: 1, failed: 0 });
    const requests = await api.requests();
    expect(requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect(requests.map(({ headers }) => headers['x-retry-count'])).toEqual([undefined, undefined, '1']);

    await api.script([{ type: 'drop', after: 'headers', times: 2 }]);
    const ids = trial.track(3);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 3 });
    expect(trial.ids('retries_exhausted')).toEqual(ids);
    await trial.balance(api);
  });

  test('a new one that fails is a fault', async () => {
    await using api = await startTrackingApi({ in: 'thread' });
    await using trial = new Trial({ host: api.url, maxRetries: 0 });
    await api.script([{ type: 'drop', after: 'headers' }]);
    const ids = trial.track(1);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 1 });
    expect(trial.ids('retries_exhausted')).toEqual(ids);
    await trial.balance(api);
  });

  test('one is kept after refusals', async () => {
    await using trial = new Trial({ host: bench.api.url, batchSize: 1 });
    await bench.api.script([
      { type: 'answer', status: 403 },
      { type: 'answer', status: 500 },
      { type: 'redirect', location: '/elsewhere' },
      { type: 'answer', status: 204 },
    ]);
    trial.track(4);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', pending: 0 });
    expect(trial.analytics.stats()).toMatchObject({ delivered: 2, failed: 2 });
    expect(new Set((await bench.api.requests()).map(({ connection }) => connection)).size).toBe(1);
    await trial.balance(bench.api);
  });

  test('none is left of requests that were given up', async () => {
    // Its own server, because connections kept by earlier clients are shared.
    await using api = await startTrackingApi({ in: 'thread' });
    await using trial = new Trial({ host: api.url, requestTimeout: 300, maxRetries: 3 });
    await api.behave({ type: 'hang' });
    trial.track(3);
    expect(await trial.flushAsync(BUDGET_MS)).toMatchObject({ status: 'ok', failed: 3 });
    await expect.poll(async () => (await api.counts()).connections).toBe(0);
    expect(await api.counts()).toMatchObject({ requests: 4 });
    await trial.balance(api);
  });

  test('none is left of a request that was in flight when the client was closed', async () => {
    await using api = await startTrackingApi({ in: 'thread' });
    const trial = new Trial({ host: api.url });
    await api.behave({ type: 'hang' });
    const ids = trial.track(3);
    await api.waitFor({ requests: 1 });
    expect(await trial.analytics.close(0)).toMatchObject({ status: 'timeout', pending: 3 });
    expect(trial.ids('closed')).toEqual(ids);
    await expect.poll(async () => (await api.counts()).connections).toBe(0);
    await trial.balance(api);
  });
});
