// redact: redacted values are never sent, and everything else is sent unchanged, digit by digit.
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { createTestAnalytics } from '@offthread/sdk/testing';
import { createRedact } from '@offthread/worker/batch/redact-event';
import { stringOf } from '@offthread/worker/frame/frame';
import type { Path } from '@offthread/worker/protocol';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventOfBytes } from '../helpers/exact-event.js';
import { runProgram } from '../helpers/program.js';
import { refusedWith, settings, workerSettings } from '../helpers/settings.js';
import { construct } from '../helpers/untyped.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

const SALT = 'a salt of enough letters';

/** The hash that replaces a value. */
function hashOf(text: string): string {
  return createHash('sha256').update(`${SALT}${text}`).digest('hex');
}

/** Redacts the text of an event. */
function redacted(text: string, remove: readonly Path[], hash: readonly Path[] = []): string {
  const redact = createRedact({ remove, hash, salt: SALT });
  const memory = Buffer.from(text);
  const given = { head: '', memory, start: 0, end: memory.length };
  return stringOf(redact?.(given) ?? given);
}

describe('a path matches', () => {
  test.each<[string, string, string, string]>([
    ['a key', 'a', '{"a":1,"b":2}', '{"b":2}'],
    ['the last key', 'b', '{"a":1,"b":2}', '{"a":1}'],
    ['a key between two', 'b', '{"a":1,"b":[{"x":"}"}],"c":3}', '{"a":1,"c":3}'],
    ['the only key', 'a', '{"a":{"b":"\\\\"}}', '{}'],
    ['a key within a key', 'a.b', '{"a":{"b":1},"b":2}', '{"a":{},"b":2}'],
    ['an index', 'a.1', '{"a":[0,1,2]}', '{"a":[0,2]}'],
    ['keys of all objects in an array', 'a.*.p', '{"a":[{"p":1},{"q":2,"p":3},4]}', '{"a":[{},{"q":2},4]}'],
    [
      'keys of all objects in an object',
      'a.*.p',
      '{"a":{"x":{"p":1},"y":{"q":2}}}',
      '{"a":{"x":{},"y":{"q":2}}}',
    ],
    ['everything in an object', 'a.*', '{"a":{"x":1,"y":2}}', '{"a":{}}'],
    ['everything in an array', 'a.*', '{"a":[1,"2",[3]]}', '{"a":[]}'],
    ['the empty key', 'a.', '{"a":{"":1,"b":2}}', '{"a":{"b":2}}'],
    ['a key named __proto__', 'a.__proto__', '{"a":{"__proto__":1,"b":2}}', '{"a":{"b":2}}'],
    ['a key that is written with an escape', 'a.é', '{"a":{"\\u00e9":1,"b":2}}', '{"a":{"b":2}}'],
    ['a key with quotes in it', 'a."\\', '{"a":{"\\"\\\\":1,"b":2}}', '{"a":{"b":2}}'],
    ['nothing if there is no such key', 'a.b', '{"a":{"bb":1},"b":2}', '{"a":{"bb":1},"b":2}'],
    ['nothing inside of a string', 'a.b', '{"a":"{\\"b\\":1}"}', '{"a":"{\\"b\\":1}"}'],
    ['nothing in an empty object', 'a.*', '{"a":{},"b":[]}', '{"a":{},"b":[]}'],
  ])('%s: %s', (_, path, text, expected) => {
    expect(redacted(text, [path.split('.').map((step) => (step === '*' ? null : step))])).toBe(expected);
  });
});

describe('for any event and any paths', () => {
  const KEYS = ['a', 'b', 'c', 'é"\\', '__proto__', '0', '1', ''];
  const key = fc.constantFrom(...KEYS);
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom<unknown>('a"b', '\\', '{"a":1}', '],', null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const tree = fc.letrec((tie) => ({
    node: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('node'), { maxLength: 4 }), tie('object')),
    object: fc
      .uniqueArray(fc.tuple(key, tie('node')), { selector: ([name]) => name, maxLength: 6 })
      .map((entries) => Object.fromEntries(entries)),
  })).object;
  const paths = fc.array(fc.array(fc.oneof(key, fc.constant(null)), { minLength: 1, maxLength: 4 }), {
    maxLength: 5,
  });

  /** A reference implementation that works on values instead of text. */
  function model(value: unknown, remove: readonly Path[], hash: readonly Path[]): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const items = Object.entries(value).flatMap(([name, item]) => {
      const into = (list: readonly Path[]): Path[] =>
        list.filter(([step]) => step === null || step === name).map(([, ...rest]) => rest);
      const [removing, hashing] = [into(remove), into(hash)];
      if (removing.some(({ length }) => length === 0)) return [];
      if (item !== null && hashing.some(({ length }) => length === 0)) {
        return [[name, hashOf(typeof item === 'string' ? item : JSON.stringify(item))] as const];
      }
      return [[name, model(item, removing, hashing)] as const];
    });
    return Array.isArray(value) ? items.map(([, item]) => item) : Object.fromEntries(items);
  }

  test('the result is that of the reference implementation', () => {
    fc.assert(
      fc.property(tree, paths, paths, (event, remove, hash) => {
        const expected = JSON.stringify(model(JSON.parse(JSON.stringify(event)), remove, hash));
        expect(redacted(JSON.stringify(event), remove, hash)).toBe(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  // Numbers as other programs write them. JSON.parse would change most of them, and turn some into Infinity.
  const digits = fc.stringMatching(/^[1-9]\d{0,40}$/);
  const number = fc
    .tuple(
      fc.constantFrom('', '-'),
      digits,
      fc.option(digits),
      fc.option(fc.tuple(fc.constantFrom('e', 'E+', 'e-'), digits)),
    )
    .map(
      ([sign, whole, part, power]) =>
        sign + whole + (part === null ? '' : `.${part}`) + (power ?? []).join(''),
    );

  test('no number loses a digit beside what is removed, and a number is hashed digit by digit', () => {
    fc.assert(
      fc.property(fc.oneof(number, fc.constantFrom('-0', '0.10', '1e400')), (n) => {
        const text = `{"n":${n},"p":{"ip":"::1","n":[${n},{"ip":1,"n":${n}}]},"l":${n}}`;
        const expected = `{"n":${n},"p":{"n":[${n},{"n":${n}}]},"l":"${hashOf(n)}"}`;
        expect(
          redacted(
            text,
            [
              ['p', 'ip'],
              ['p', 'n', null, 'ip'],
            ],
            [['l']],
          ),
        ).toBe(expected);
      }),
    );
  });

  test('depth uses no stack, below the path or beside it', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(
      redacted(`{"a":${deep},"b":{"c":${deep},"d":1}}`, [
        ['a', '0', '0'],
        ['b', 'd'],
      ]),
    ).toBe(`{"a":[[]],"b":{"c":${deep}}}`);
  });
});

describe('what the API gets', () => {
  const redact = {
    remove: ['context.ip', 'properties.*.password', 'properties.users.*.password', 'integrations.Secret'],
    hash: ['userId', 'previousId', 'traits.email', 'properties.numbers.*'],
    salt: SALT,
  };

  test('lacks what is removed, and has hashes where configured, in all types of events', async () => {
    const analytics = bench.open({ redact });
    const context = { ip: '203.0.113.7', locale: 'eo' };
    const users = [{ password: 'x', name: 'pat' }];
    analytics.track({
      ...{ userId: 7n, event: 'e', context, integrations: { Secret: true, Other: false } },
      properties: { account: { password: 'x', name: 'pat' }, users, password: 'kept: the star is one key' },
    });
    analytics.identify({ anonymousId: 'a', traits: { email: 'pat@example.com', age: 5 }, context });
    analytics.alias({ userId: 'u', previousId: 'p', timestamp: 0 });
    analytics.track({
      ...{ userId: '7', event: 'big', messageId: 'm', context },
      properties: {
        numbers: [10n ** 30n, new Decimal('0.1').plus('0.2'), 1.5, null, 'a"b', [1, { a: 2 }]],
        more: 9n,
      },
    });
    flushed(analytics);
    const [track, identify, alias, big] = await bench.api.events();
    expect(track).toMatchObject({
      userId: hashOf('7'),
      integrations: { Other: false },
      properties: {
        account: { name: 'pat' },
        users: [{ name: 'pat' }],
        password: 'kept: the star is one key',
      },
      context: { locale: 'eo', library: { name: '@offthread/sdk' } },
    });
    expect(identify).toMatchObject({
      anonymousId: 'a',
      traits: { email: hashOf('pat@example.com'), age: 5 },
    });
    expect(alias).toMatchObject({ userId: hashOf('u'), previousId: hashOf('p') });
    expect(big?.userId).toBe(track?.userId);
    expect(big?.properties).toEqual({
      numbers: [
        hashOf(`1${'0'.repeat(30)}`),
        hashOf('0.3'),
        hashOf('1.5'),
        null,
        hashOf('a"b'),
        hashOf('[1,{"a":2}]'),
      ],
      more: '9',
    });
    const body = await bench.api.body(1);
    for (const secret of ['203.0.113.7', 'pat@example.com', '"password":"x"', 'Secret']) {
      expect(body).not.toContain(secret);
    }
    expect(body).not.toContain(SALT);
  });

  test('is the same in every attempt and after halving; onError has the original events, and resend() hashes again', async () => {
    await bench.api.script([
      { type: 'answer', status: 503 },
      ...[400, 403, 403].map((status) => ({ type: 'answer', status }) as const),
    ]);
    const analytics = bench.open({ redact });
    for (const n of [1, 2]) {
      analytics.track({ userId: 'u', event: 'e', properties: { n }, context: { ip: '203.0.113.7' } });
    }
    flushed(analytics);
    expect(bench.errors.flatMap(({ events }) => events)).toMatchObject(
      [1, 2].map((n) => ({ userId: 'u', properties: { n }, context: { ip: '203.0.113.7' } })),
    );
    expect(analytics.resend(bench.errors.flatMap(({ events }) => events))).toBe(2);
    flushed(analytics);
    const requests = await bench.api.requests();
    expect(requests.length).toBeGreaterThanOrEqual(5);
    for (const { sequence } of requests) {
      const body = await bench.api.body(sequence);
      expect(body).toContain(`"userId":"${hashOf('u')}"`);
      expect(body).not.toContain('203.0.113.7');
    }
    expect(await bench.api.events()).toHaveLength(2);
  });

  test('is also redacted by the next thread if one dies', { timeout: 60_000 }, async () => {
    const ids = ['redact-1', 'redact-2', 'redact-3'];
    const orders = [{ manner: 'exit', when: 'request', request: 1, after: 0 }];
    // A busy machine may not run a thread for a second, which isn't what kills it here.
    const patience = 10_000;
    const plan = { host: bench.api.url, ids, blocking: true, orders, patience, settings: { redact } };
    const { code, lines } = await runProgram('crash.mjs', { args: [JSON.stringify(plan)] });
    expect(code).toBe(0);
    expect(lines.at(-1)).toMatchObject({ workers: 2, delivered: 3 });
    const events = await bench.api.events();
    expect(new Set(events.map(({ messageId }) => messageId))).toEqual(new Set(ids));
    expect(new Set(events.map(({ userId }) => userId))).toEqual(new Set([hashOf('u')]));
  });

  test('is measured without what was removed', async () => {
    const analytics = bench.open({ redact: ['properties.more'] });
    const fitting = eventOfBytes(32 * 1024);
    analytics.track({ ...fitting, properties: { ...fitting.properties, more: 'x'.repeat(100_000) } });
    analytics.track({
      ...fitting,
      messageId: 'exact-0000000',
      properties: { ...fitting.properties, less: 1 },
    });
    flushed(analytics);
    expect(await bench.api.messageIds()).toEqual([fitting.messageId]);
    expect(bench.errors).toMatchObject([{ code: 'event_too_large' }]);
  });

  test('is what a test client records', () => {
    const analytics = createTestAnalytics({ redact });
    analytics.identify({ userId: 'u', traits: { email: 'pat@example.com' }, context: { ip: '::1' } });
    expect(analytics.events).toMatchObject([
      { userId: hashOf('u'), traits: { email: hashOf('pat@example.com') } },
    ]);
    expect(analytics.events[0]?.context).not.toHaveProperty('ip');
  });

  test('is applied after beforeSend', () => {
    const analytics = createTestAnalytics({
      redact: ['properties.ip'],
      beforeSend: (event) => ({ ...event, properties: { ip: '::1', seen: true } }),
    });
    analytics.track({ userId: 'u', event: 'e' });
    expect(analytics.events[0]?.properties).toEqual({ seen: true });
  });
});

describe('the setting', () => {
  test('reaches the worker as keys; a star matches any key, and a backslash makes the next character literal', async () => {
    const { redact } = await workerSettings({
      redact: ['context.ip', 'properties.*.p', String.raw`traits.a\.b.\*.c\\`, 'context'],
    });
    expect(redact).toEqual({
      remove: [['context', 'ip'], ['properties', null, 'p'], ['traits', 'a.b', '*', 'c\\'], ['context']],
      hash: [],
      salt: '',
    });
    expect((await workerSettings({ redact: { hash: ['userId', 'context.ip'], salt: SALT } })).redact).toEqual(
      {
        ...{ remove: [], hash: [['userId'], ['context', 'ip']], salt: SALT },
      },
    );
    expect((await workerSettings({})).redact).toBeUndefined();
  });

  const CONTEXT = 'it must start with context, traits, properties or integrations';

  test.each<[unknown, string]>([
    ['context.ip', "Setting 'redact' must be a list of paths like ['context.ip'] or { remove, hash, salt }"],
    [null, "Setting 'redact' must be a list of paths"],
    [[7], "Setting 'redact' has an invalid path, 7: it must be keys separated by dots"],
    [[''], "Setting 'redact' has an invalid path, an empty string: it must be keys"],
    [['context..ip'], "an invalid path, 'context..ip': it must be keys"],
    [['.ip'], 'it must be keys'],
    [['context.'], 'it must be keys'],
    [['context.ip\\'], 'it must be keys'],
    [['ip'], CONTEXT],
    [['*.ip'], CONTEXT],
    [['type'], CONTEXT],
    [['messageId'], CONTEXT],
    [['propertys.ip'], "did you mean 'properties'?"],
    [['toString'], CONTEXT],
    [
      ['userId'],
      "an invalid path, 'userId': an id can be hashed, but not removed, because events require it",
    ],
    [{ hash: ['userId.x'], salt: SALT }, 'an id has no keys'],
    [{ hash: ['traits'], salt: SALT }, 'the API requires an object here'],
    [
      { hash: ['traits.email'] },
      "Setting 'redact' needs a secret of at least 16 characters as the salt for its hashes",
    ],
    [{ hash: ['traits.email'], salt: 'x'.repeat(15) }, 'at least 16 characters'],
    [{ hash: ['traits.email'], salt: 1234567890123456 }, 'at least 16 characters'],
    [
      { hash: 'traits.email', salt: SALT },
      "Setting 'redact' must have its paths in an array; got 'traits.email'",
    ],
    [new Array(1), "Setting 'redact' has an invalid path, undefined: it must be keys"],
    [{ removes: [] }, "There is no setting 'redact.removes'; did you mean 'remove'?"],
  ])('%j is refused', (redact, message) => {
    expect(refusedWith({ redact })).toContain(message);
  });

  test('never shows its salt in a message or an object', () => {
    for (const redact of [
      { hash: ['x'], salt: SALT },
      { hash: ['userId'], salt: [SALT] },
      { salt: SALT, sallt: SALT },
    ]) {
      expect(refusedWith({ redact })).not.toContain(SALT.slice(0, 6));
    }
    const analytics = construct(settings({ redact: { hash: ['userId'], salt: SALT } }));
    expect(inspect(analytics, { showHidden: true, depth: 20 })).not.toContain(SALT.slice(0, 6));
  });
});
