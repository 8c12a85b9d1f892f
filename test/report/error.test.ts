// Errors reach onError and the callbacks with their events, and neither can do any harm.
import { AnalyticsError, ValidationError } from '@offthread/sdk';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { call, refusal } from '../helpers/untyped.js';
import { flushed, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Errors that the process reports as unhandled during a test. */
const unseen: unknown[] = [];
const see = (problem: unknown): void => {
  unseen.push(problem);
};

beforeEach(() => {
  unseen.length = 0;
  process.on('unhandledRejection', see);
  process.on('uncaughtExceptionMonitor', see);
});
afterEach(async () => {
  // Rejections are reported at the end of a turn.
  await new Promise((resolve) => setTimeout(resolve, 5));
  process.removeListener('unhandledRejection', see);
  process.removeListener('uncaughtExceptionMonitor', see);
  expect(unseen).toEqual([]);
});

describe('an AnalyticsError', () => {
  test('about a request has code, status, attempts and the events as they were sent', async () => {
    await bench.api.script([
      { type: 'answer', status: 500 },
      { type: 'answer', status: 403, body: 'not yours' },
    ]);
    const analytics = bench.open();
    analytics.track({ userId: 1, event: 'first', properties: { when: new Date(0), price: 5n } });
    analytics.page({ userId: 'u', name: 'second', timestamp: 0, messageId: 'm-2', context: { ip: '::1' } });
    flushed(analytics);
    expect(bench.errors).toHaveLength(1);
    const [error] = bench.errors;
    expect(error).toBeInstanceOf(AnalyticsError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ValidationError);
    expect(error?.stack).toContain('AnalyticsError: The API refused: status 403, not yours');
    expect(error).toMatchObject({
      name: 'AnalyticsError',
      code: 'rejected',
      message: 'The API refused: status 403, not yours',
      status: 403,
      attempts: 2,
      count: 2,
    });
    const sent = JSON.parse(await bench.api.body(2)).batch;
    // A bigint is the text it was sent as, so that the events can be saved as JSON.
    expect(error?.events).toEqual(sent);
    expect(sent[0].properties.price).toBe('5');
    expect(sent[1]).toMatchObject({ type: 'page', messageId: 'm-2', timestamp: '1970-01-01T00:00:00.000Z' });
  });

  test('has no status if there was no reply', async () => {
    await bench.api.behave({ type: 'garbage' });
    const analytics = bench.open({ maxRetries: 0 });
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    expect(bench.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 1, count: 1 }]);
    expect(bench.errors[0]?.status).toBeUndefined();
  });

  test('has events that can be sent again unchanged, with messageId and timestamp', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = bench.open();
    const context = { ip: '::1' };
    const common = { userId: 'u', anonymousId: 'a', context, integrations: { All: true } };
    analytics.identify({ ...common, traits: { a: 1 } });
    analytics.track({ ...common, event: 'e', properties: { a: 1n } });
    analytics.page({ ...common, name: 'n', category: 'c' });
    analytics.screen({ ...common, name: 'n' });
    analytics.group({ ...common, groupId: 'g' });
    analytics.alias({ userId: 'u', previousId: 'p' });
    flushed(analytics);
    const events = bench.errors.flatMap((error) => error.events);
    expect(events).toHaveLength(6);
    const refused = JSON.parse(await bench.api.body(1)).batch;
    await bench.api.reset();
    for (const { type, ...event } of events) expect(call(analytics, String(type), event)).toBe(true);
    flushed(analytics);
    expect(await bench.api.events()).toEqual(refused);
  });

  test('about an event that was not accepted has the event as it was passed', async () => {
    const analytics = bench.open({ stub: true });
    const event = { userId: 'u', event: 'e', properties: { a: 1 } };
    await analytics.close();
    expect(analytics.track(event)).toBe(false);
    expect(bench.errors).toMatchObject([
      { code: 'closed', message: 'The client is closed', attempts: 0, count: 1 },
    ]);
    expect(bench.errors[0]?.events).toEqual([{ type: 'track', ...event }]);
  });

  test('about an event that was not sent in time has the result of the last request, and the number of requests', async () => {
    const busy = { type: 'answer', status: 503, body: 'busy' } as const;
    // The second reply ends the flush, so no third request is in flight then.
    await bench.api.script([busy, { ...busy, headers: { 'retry-after': '60' } }]);
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'e' });
    await bench.api.waitFor({ requests: 2 });
    await analytics.close(20_000);
    const [error] = bench.errors;
    expect(error).toMatchObject({ code: 'closed', status: 503, cause: { message: 'status 503, busy' } });
    expect(error?.attempts).toBe(2);
  });

  test('about an event that was not sent in time counts a request that is still in flight', async () => {
    await bench.api.script([{ type: 'drop', after: 'body' }]);
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'e' });
    await bench.api.waitFor({ requests: 2 });
    await analytics.close(0);
    expect(bench.errors).toMatchObject([{ code: 'closed', status: undefined, attempts: 2 }]);
    expect(bench.errors[0]?.cause).toMatchObject({ message: expect.any(String) });
  });

  test('about an event that was not sent in time says nothing about an earlier batch', async () => {
    await bench.api.script([{ type: 'answer', status: 503 }]);
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    await bench.api.behave({ type: 'hang' });
    analytics.track({ userId: 'u', event: 'e' });
    await bench.api.waitFor({ requests: 3 });
    await analytics.close(0);
    expect(bench.errors).toMatchObject([{ code: 'closed', status: undefined, attempts: 1 }]);
    expect(bench.errors[0]?.cause).toBeUndefined();
  });

  test('about an event that was not tried before close() counts no requests', async () => {
    const analytics = bench.open({ linger: 60_000 });
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    analytics.track({ userId: 'u', event: 'e' });
    await analytics.close(0);
    expect(bench.errors).toMatchObject([{ code: 'closed', status: undefined, attempts: 0 }]);
  });

  test('about an event that cannot be read has the exception as its cause', () => {
    const analytics = bench.open({ stub: true });
    const cause = new Error('not today');
    const properties = {
      toJSON(): never {
        throw cause;
      },
    };
    expect(analytics.track({ userId: 'u', event: 'e', properties })).toBe(false);
    expect(bench.errors).toMatchObject([{ code: 'unserializable', attempts: 0, count: 1 }]);
    expect(bench.errors[0]?.cause).toBe(cause);
    expect(bench.errors[0]?.events).toEqual([{ type: 'track', userId: 'u', event: 'e', properties }]);
  });

  test('about a refused event contains only that event, and the events around it are delivered', async () => {
    await bench.api.rules([{ match: { eventName: 'poison' }, behaviour: { type: 'answer', status: 400 } }]);
    const analytics = bench.open();
    const names = upTo(60).map((index) => (index === 23 || index === 59 ? 'poison' : `e${index}`));
    for (const event of names) analytics.track({ userId: 'u', event });
    flushed(analytics);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(
      names.filter((name) => name !== 'poison'),
    );
    const summary = bench.errors.map(({ code, status, count, events }) => [
      code,
      status,
      count,
      events[0]?.['event'],
    ]);
    expect(summary).toEqual([
      ['rejected', 400, 1, 'poison'],
      ['rejected', 400, 1, 'poison'],
    ]);
  });
});

describe('onError', () => {
  const misbehaviour: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('onError threw');
      },
    ],
    [
      'throws undefined',
      () => {
        throw undefined;
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('onError rejected');
      },
    ],
    [
      'returns a promise that rejects later',
      () => new Promise((_, reject) => setImmediate(reject, new Error('later'))),
    ],
  ];

  test.each(misbehaviour)('that %s does no harm, whatever it is called with', async (_, misbehave) => {
    let calls = 0;
    const onError = (): unknown => {
      calls += 1;
      return misbehave();
    };
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const redact = ['properties.secret'];
    const analytics = bench.open({ onError, maxQueueSize: 2, batchSize: 1, redact });
    analytics.track({ userId: 'u', event: 'refused by the API' });
    analytics.track({ userId: 'u', event: 'too large', properties: { filler: 'x'.repeat(40_000) } });
    expect(analytics.track({ userId: 'u', event: 'too many' })).toBe(false);
    flushed(analytics);
    expect(
      analytics.track({
        userId: 'u',
        event: 'no JSON',
        properties: {
          get x(): never {
            throw 1;
          },
        },
      }),
    ).toBe(false);
    expect(analytics.track({ userId: 'u', event: 'fine' })).toBe(true);
    flushed(analytics);
    await analytics.close();
    expect(analytics.track({ userId: 'u', event: 'too late' })).toBe(false);
    expect(calls).toBe(5);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['fine']);
    expect(analytics.stats()).toMatchObject({
      accepted: 3,
      delivered: 1,
      failed: 1,
      dropped: { event_too_large: 1 },
      refused: { queue_full: 1, unserializable: 1, closed: 1 },
    });
  });

  test.each(misbehaviour)(
    'a callback that %s does no harm and is reported to onError',
    async (_, misbehave) => {
      const analytics = bench.open();
      const called: string[] = [];
      for (const name of ['first', 'bad', 'last']) {
        const callback = (): unknown => {
          called.push(name);
          return name === 'bad' ? misbehave() : undefined;
        };
        analytics.track({ userId: 'u', event: name }, callback);
      }
      flushed(analytics);
      expect(called).toEqual(['first', 'bad', 'last']);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(bench.errors).toMatchObject([
        {
          code: 'callback_failed',
          message: 'The callback of an event threw or rejected',
          count: 0,
          attempts: 0,
        },
      ]);
      expect(analytics.stats()).toMatchObject({ delivered: 3, failed: 0 });
    },
  );

  test('a callback of a refused event that throws does no harm either', async () => {
    const analytics = bench.open({ stub: true });
    await analytics.close();
    const cause = new Error('thrown');
    analytics.track({ userId: 'u', event: 'e' }, () => {
      throw cause;
    });
    await new Promise(setImmediate);
    expect(bench.errors.map(({ code }) => code)).toEqual(['closed', 'callback_failed']);
    expect(bench.errors[1]?.cause).toBe(cause);
  });

  test('may use its own client', async () => {
    await bench.api.script([{ type: 'answer', status: 403 }]);
    const analytics = bench.open({
      onError: ({ code }) => {
        analytics.track({ userId: 'u', event: `error ${code}` });
        expect(analytics.stats()).toMatchObject({ failed: 1, pending: 1 });
      },
    });
    analytics.track({ userId: 'u', event: 'e' });
    flushed(analytics);
    flushed(analytics);
    expect((await bench.api.events()).map(({ event }) => event)).toEqual(['error rejected']);
  });

  test('may close its own client during a flush', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    let closed: Promise<unknown> | undefined;
    const analytics = bench.open({
      batchSize: 1,
      onError: () => {
        closed ??= analytics.close(0);
      },
    });
    for (const _ of upTo(5)) analytics.track({ userId: 'u', event: 'e' });
    expect(analytics.flush(20_000).status).not.toBe('worker-dead');
    await closed;
    expect(analytics.stats()).toMatchObject({ accepted: 5, pending: 0, delivered: 0 });
  });

  test('the counters are up to date when a callback runs', async () => {
    const analytics = bench.open({ batchSize: 2 });
    const seen: [number, number][] = [];
    for (const _ of upTo(4)) {
      analytics.track({ userId: 'u', event: 'e' }, () => {
        const { delivered, pending } = analytics.stats();
        seen.push([delivered, pending]);
      });
    }
    flushed(analytics);
    for (const [delivered, pending] of seen) expect(delivered + pending).toBe(4);
    expect(seen.at(-1)).toEqual([4, 0]);
  });
});

describe('the events of an error', () => {
  /** Returns rejected events, each in its own error, with a BigInt or without. */
  async function rejected(count: number, exact: boolean): Promise<readonly AnalyticsError[]> {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = bench.open({ batchSize: 1 });
    for (const n of upTo(count)) {
      analytics.track({ userId: 'u', event: `E${n}`, properties: exact ? { big: 2n ** 64n } : {} });
    }
    flushed(analytics);
    return [...bench.errors];
  }

  test.for([true, false])(
    'can be read much later, whatever was sent since (with a BigInt: %s)',
    async (exact) => {
      const errors = await rejected(5, exact);
      await bench.api.behave({ type: 'ok' });
      const others = bench.open();
      for (const _ of upTo(500)) others.track({ userId: 'other', event: 'Other' });
      flushed(others);
      const events = errors.flatMap((error) => error.events);
      expect(events.map(({ event }) => event)).toEqual(['E0', 'E1', 'E2', 'E3', 'E4']);
      for (const error of errors) expect(error.events).toBe(error.events);
      if (exact) expect(events[0]?.['properties']).toEqual({ big: '18446744073709551616' });
    },
  );

  test('are complete, without an exception, if they are as deep as JSON can be', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = bench.open();
    let deep: object = {};
    for (const _ of upTo(3_000)) deep = { deep };
    analytics.track({ userId: 'u', event: 'Deep', properties: deep });
    flushed(analytics);
    let depth = 0;
    for (let at: unknown = bench.errors[0]?.events[0]?.['properties']; at !== undefined; depth++) {
      at = Object(at).deep;
    }
    expect(depth).toBe(3_001);
  });

  test('are not parsed unless they are read', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ maxQueueSize: 20_000 });
    for (const n of upTo(20_000)) analytics.track({ userId: 'u', event: 'E', properties: { n } });
    const parse = vi.spyOn(JSON, 'parse');
    await analytics.close(0);
    const { length: parsed } = parse.mock.calls;
    parse.mockRestore();
    expect(parsed).toBe(0);
    expect(bench.errors.map(({ code, count }) => [code, count])).toEqual([['closed', 20_000]]);
    expect(bench.errors[0]?.events.at(-1)).toMatchObject({ properties: { n: 19_999 } });
  });
});

test('a mistake of the caller is thrown, and not reported to onError', () => {
  const analytics = bench.open({ stub: true });
  const error = refusal(() => call(analytics, 'track', {}));
  expect(error.stack).toContain('ValidationError: track() needs a userId or an anonymousId; got neither');
  expect(bench.errors).toEqual([]);
});
