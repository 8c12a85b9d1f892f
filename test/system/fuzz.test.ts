// Random arguments for the public methods, settings, redact paths and resend(): nothing throws except a
// ValidationError, every event is accounted for, what arrives equals the JSON, and the calling thread's work is
// proportional to the value. A short run; `npm run fuzz -- --seconds 60` continues with other seeds.
import { inspect } from 'node:util';
import { type AnalyticsError, type Stats, ValidationError } from '@offthread/sdk';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anything, asJson } from '../helpers/fuzz-values.js';
import { call, construct } from '../helpers/untyped.js';
import { expectBalanced, flushed, withApi } from '../helpers/with-api.js';

const { OFFTHREAD_FUZZ_SECONDS, OFFTHREAD_FUZZ_SEED = '20261124' } = process.env;
const seconds = OFFTHREAD_FUZZ_SECONDS === undefined ? undefined : Number(OFFTHREAD_FUZZ_SECONDS);
const PROPERTIES = 5;

/** This many programs, or as many as fit into this property's share of the time. */
function runs(numRuns: number): fc.Parameters<unknown> {
  const seed = Number(OFFTHREAD_FUZZ_SEED);
  if (seconds === undefined) return { seed, numRuns, reporter };
  const interruptAfterTimeLimit = (seconds * 1_000) / PROPERTIES;
  return {
    seed,
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit,
    markInterruptAsFailure: false,
    reporter,
  };
}

/** The reporter of fast-check would inspect values that throw. */
function reporter({
  failed,
  seed,
  counterexamplePath,
  counterexample,
  errorInstance,
}: fc.RunDetails<unknown>): void {
  if (!failed) return;
  const shown = inspect(counterexample, { depth: 6, showProxy: true });
  throw new Error(`Seed ${seed}, path ${counterexamplePath}: ${shown}`, { cause: errorInstance });
}

const LIMIT = { timeout: 120_000 + (seconds ?? 0) * 1_000 };

const bench = withApi();

/** Returns the result of `act`, or undefined if it throws a ValidationError. Other exceptions fail the test. */
function returned(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    if (error instanceof ValidationError) return undefined;
    throw error;
  }
}

const METHODS = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;

const field = fc.constantFrom(
  ...['userId', 'anonymousId', 'context', 'integrations', 'timestamp', 'messageId', 'event', 'properties'],
  ...['traits', 'name', 'category', 'groupId', 'previousId', 'extra', '__proto__', 'toJSON'],
);

/** An event that may be valid. */
const likely = fc.record(
  {
    userId: fc.oneof(fc.string(), fc.integer(), fc.bigInt(), anything),
    anonymousId: fc.oneof(fc.string(), anything),
    event: fc.oneof(fc.string({ minLength: 1 }), anything),
    name: fc.oneof(fc.string(), anything),
    category: fc.oneof(fc.string(), anything),
    properties: anything,
    traits: anything,
    context: anything,
    integrations: anything,
    groupId: fc.oneof(fc.string(), anything),
    previousId: fc.oneof(fc.string(), anything),
    timestamp: fc.oneof(fc.date({ noInvalidDate: true }), fc.integer(), anything),
    messageId: fc.oneof(fc.uuid(), fc.integer(), anything),
  },
  { requiredKeys: [] },
);
const given = fc.oneof(likely, fc.dictionary(field, anything, { maxKeys: 6 }), anything);

test(
  'a method returns true or false, or throws a ValidationError, and every event is accounted for',
  LIMIT,
  async () => {
    const program = fc.array(
      fc.tuple(fc.constantFrom(...METHODS), given, fc.option(anything, { nil: undefined, freq: 9 })),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    await fc.assert(
      fc.asyncProperty(program, async (calls) => {
        const analytics = bench.open({ stub: true });
        let accepted = 0;
        for (const [method, event, callback] of calls) {
          const result = returned(() => call(analytics, method, event, callback));
          expect([true, false, undefined]).toContain(result);
          if (result === true) accepted++;
        }
        flushed(analytics);
        const stats: Stats = analytics.stats();
        expectBalanced(stats);
        expect(stats.accepted).toBe(accepted);
        await analytics.close();
      }),
      runs(150),
    );
  },
);

test('what arrives equals the JSON, and what JSON refuses is refused', LIMIT, async () => {
  const values = fc.array(fc.record({ properties: anything, big: fc.boolean() }), {
    minLength: 1,
    maxLength: 10,
  });
  await fc.assert(
    fc.asyncProperty(values, async (list) => {
      await bench.api.reset();
      const errors: AnalyticsError[] = [];
      const analytics = bench.open({ onError: (error) => errors.push(error) });
      const expected = new Map<string, unknown>();
      for (const [index, { properties, big }] of list.entries()) {
        const messageId = `fuzz-${index}`;
        const value = { wrapped: properties, ...(big && { big: 1n }) };
        let json: unknown;
        try {
          json = asJson('properties', value);
        } catch {
          expect(analytics.track({ userId: 'u', event: 'e', messageId, properties: value })).toBe(false);
          continue;
        }
        if (analytics.track({ userId: 'u', event: 'e', messageId, properties: value })) {
          expected.set(messageId, json);
        } else expect(JSON.stringify(json).length).toBeGreaterThan(10_000);
      }
      flushed(analytics);
      const events = await bench.api.events();
      const dropped = errors.flatMap(({ code, events: lost }) => (code === 'event_too_large' ? lost : []));
      for (const { messageId } of dropped) expected.delete(String(messageId));
      expect(events.map(({ messageId }) => messageId).sort()).toEqual([...expected.keys()].sort());
      for (const { messageId, properties } of events)
        expect(properties).toEqual(expected.get(String(messageId)));
      await analytics.close();
    }),
    runs(60),
  );
});

test(
  'settings create a client, or throw a ValidationError that does not show the write key',
  LIMIT,
  async () => {
    const names = fc.constantFrom(
      ...[
        'writeKey',
        'host',
        'region',
        'path',
        'oauth',
        'batchSize',
        'maxQueueSize',
        'maxQueueBytes',
        'linger',
      ],
      ...[
        'maxRetries',
        'maxRetryDuration',
        'requestTimeout',
        'flushTimeout',
        'onError',
        'beforeSend',
        'redact',
      ],
      ...[
        'disable',
        'stub',
        'gzip',
        'allowInsecureHost',
        'proxy',
        'tls',
        'headers',
        'flushOnExit',
        'flushAt',
      ],
    );
    const value = fc.oneof(anything, fc.integer(), fc.boolean(), fc.webUrl(), fc.object());
    const settings = fc.oneof(fc.dictionary(names, value, { maxKeys: 4 }), anything);
    await fc.assert(
      fc.asyncProperty(settings, fc.boolean(), async (more, withKey) => {
        const isObject = typeof more === 'object' && more !== null;
        let written = more;
        try {
          if (isObject && withKey) written = { ...more, writeKey: 'wk_5up3rS3cret' };
        } catch {
          return;
        }
        let client: ReturnType<typeof construct> | undefined;
        try {
          client = construct(written);
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationError);
          expect(String(error)).not.toContain('wk_5up3rS3cret');
        }
        expectBalanced(client?.stats() ?? bench.open({ stub: true }).stats());
        await client?.close(0);
      }),
      runs(300),
    );
  },
);

test('redact paths are refused, or remove what they name and nothing else', LIMIT, async () => {
  const segment = fc.oneof(
    fc.constantFrom('a', 'b', '*', '', 'a.b', '__proto__'),
    fc.string({ maxLength: 3 }),
  );
  const path = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('properties', 'context', 'traits', 'name', '*'),
        fc.array(segment, { maxLength: 3 }),
      )
      .map(([root, rest]) => [root, ...rest].join('.')),
    fc.string(),
  );
  const redact = fc.oneof(
    fc.array(path, { maxLength: 3 }),
    fc.record({ remove: fc.array(path), hash: fc.array(path) }),
    anything,
  );
  const values = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.jsonValue(), fc.bigInt()));
  await fc.assert(
    fc.asyncProperty(redact, values, async (setting, properties) => {
      await bench.api.reset();
      const client = returned(() => construct({ writeKey: 'KEY', host: bench.api.url, redact: setting }));
      if (client === undefined) return;
      const analytics = client as ReturnType<typeof construct>;
      expect(analytics.track({ userId: 'u', event: 'e', properties: { ...properties, kept: 1 } })).toBe(true);
      flushed(analytics);
      const [event] = await bench.api.events();
      expect(event).toMatchObject({ type: 'track', event: 'e' });
      const sent = event?.properties ?? {};
      const isList = Array.isArray(setting);
      for (const name of ['a', 'b', 'c']) {
        const named = isList && setting.includes(`properties.${name}`);
        if (named) expect(sent).not.toHaveProperty(name);
        else if (
          isList &&
          !setting.some((each) => typeof each === 'string' && each.startsWith('properties'))
        ) {
          expect(sent[name]).toEqual(asJson('p', (properties as Record<string, unknown>)[name]));
        }
      }
      expectBalanced(analytics.stats());
      await analytics.close();
    }),
    runs(60),
  );
});

test('resend() accepts events up to the first invalid one, or throws a ValidationError', LIMIT, async () => {
  const sent = fc.oneof(
    fc.tuple(fc.constantFrom(...METHODS), likely).map(([type, event]) => ({ type, ...event })),
    anything,
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.array(sent, { maxLength: 5 }), anything), async (events) => {
      const analytics = bench.open({ stub: true });
      const accepted = returned(() => call(analytics, 'resend', events));
      if (accepted !== undefined)
        expect(accepted).toBeLessThanOrEqual(Array.isArray(events) ? events.length : 0);
      flushed(analytics);
      expect(analytics.stats().accepted).toBe(accepted ?? 0);
      await analytics.close();
    }),
    runs(150),
  );
});

test('the calling thread reads each field of a value only a few times, however large it is', LIMIT, () => {
  /** A list of objects that counts how often it is read. */
  function counting(size: number, big: boolean): { readonly value: object; readonly looks: () => number } {
    let looks = 0;
    const watch = (target: object): object =>
      new Proxy(target, {
        get(object, name, receiver) {
          looks++;
          return Reflect.get(object, name, receiver);
        },
      });
    const items = Array.from({ length: size }, (_, n) => watch({ n, text: 'x', ...(big && { id: 1n }) }));
    return { value: watch({ items: watch(items) }), looks: () => looks };
  }
  const analytics = bench.open({ stub: true });
  for (const big of [false, true]) {
    const looks = [10, 100, 200].map((size) => {
      const counted = counting(size, big);
      expect(analytics.track({ userId: 'u', event: 'e', properties: counted.value })).toBe(true);
      return counted.looks() / size;
    });
    // Reads the fields and `toJSON` of each object, and again for the snapshot if there is a bigint.
    for (const each of looks) expect(each).toBeLessThan(30);
    expect(looks[2]).toBeLessThanOrEqual((looks[0] ?? 0) + 1);
  }
  flushed(analytics);
});
