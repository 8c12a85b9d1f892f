// Every setting except the write key and the address: which values are accepted, and the errors for others.
import { AnalyticsError } from '@offthread/sdk';
import { describe, expect, test } from 'vitest';
import { refusedWith, settings, WRITE_KEY, workerSettings } from '../helpers/settings.js';
import { construct, refusal } from '../helpers/untyped.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

describe('defaults', () => {
  const DEFAULTS = {
    url: 'https://api.segment.io/v1/batch',
    writeKey: WRITE_KEY,
    batchSize: 100,
    maxBatchSize: 2_500,
    linger: 0,
    maxRetries: 10,
    maxRetryDuration: 12 * 3_600_000,
    requestTimeout: 10_000,
    gzip: false,
  };

  test('a write key is all that is needed', async () => {
    expect(await workerSettings({})).toMatchObject(DEFAULTS);
    expect((await workerSettings({ stub: false, host: bench.api.url })).stub).toBe(false);
  });

  test('undefined is the same as leaving a setting out, for every setting', async () => {
    const names = [
      'host',
      'region',
      'path',
      'batchSize',
      'maxBatchSize',
      'maxQueueSize',
      'maxQueueBytes',
      'linger',
    ];
    names.push('maxRetries', 'maxRetryDuration', 'requestTimeout', 'flushTimeout', 'onError', 'gzip');
    names.push('allowInsecureHost', 'flushOnExit', 'flushOnSignals', 'spool');
    const given = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(await workerSettings(given)).toMatchObject(DEFAULTS);
  });

  test('at most 10,000 events wait', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open();
    for (let index = 0; index < 10_000; index++) {
      expect(analytics.track({ userId: 'u', event: 'e' })).toBe(true);
    }
    expect(analytics.track({ userId: 'u', event: 'e' })).toBe(false);
    expect(analytics.stats().refused).toEqual({ queue_full: 1 });
  });

  test('waiting events use at most 64 MB', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open({ redact: ['properties.secret'] });
    // An event that large is refused, unless it may be redacted.
    const properties = { filler: 'x'.repeat(40_000) };
    let waiting = 0;
    while (waiting < 2_000 && analytics.track({ userId: 'u', event: 'e', properties })) waiting++;
    expect(waiting * 40_000).toBeLessThanOrEqual(67_108_864);
    // The rest is memory that an event of this size no longer fits into.
    expect(waiting * 40_000).toBeGreaterThan(67_108_864 / 2);
    expect(bench.errors.map(({ message }) => message)).toEqual([
      'The queue is full: maxQueueBytes (67108864) is reached',
    ]);
  });

  test('a flush waits for at most five seconds', async () => {
    await bench.api.behave({ type: 'hang' });
    const analytics = bench.open();
    analytics.track({ userId: 'u', event: 'e' });
    const { status, elapsedMs } = analytics.flush();
    expect(status).toBe('timeout');
    expect(elapsedMs).toBeGreaterThanOrEqual(5_000);
    expect(elapsedMs).toBeLessThan(9_000);
  });
});

describe('the object of settings', () => {
  test.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a write key by itself', WRITE_KEY, 'a string: is it the write key?'],
    ['an array', [WRITE_KEY], 'an array'],
  ])('%s instead of it is refused', (_, given, shown) => {
    const { code, message } = refusal(() => construct(given));
    expect(code).toBe('invalid_setting');
    expect(message).toBe(`new Analytics() takes an object like { writeKey: 'KEY' }; got ${shown}`);
  });

  test('that throws when it is read is refused, with the exception as the cause', () => {
    const cause = new RangeError('mine');
    const fatal = {
      get: () => {
        throw cause;
      },
      ownKeys: () => {
        throw cause;
      },
    };
    for (const given of [
      new Proxy({}, fatal),
      Object.defineProperty({ writeKey: WRITE_KEY }, 'host', { get: fatal.get, enumerable: true }),
      { writeKey: WRITE_KEY, redact: new Proxy({}, fatal) },
    ]) {
      const error = refusal(() => construct(given));
      expect(error).toMatchObject({
        code: 'invalid_setting',
        message: 'The settings cannot be read: reading one of them threw an error',
        cause,
      });
    }
  });

  test('is not modified and may be frozen', () => {
    const given = Object.freeze({ writeKey: WRITE_KEY, flushOnSignals: Object.freeze([]), stub: true });
    construct(given);
    expect(given).toEqual({ writeKey: WRITE_KEY, flushOnSignals: [], stub: true });
  });

  test.each([
    ['write_key', "; did you mean 'writeKey'?"],
    ['WRITEKEY', "; did you mean 'writeKey'?"],
    ['onerror', "; did you mean 'onError'?"],
    ['batchsize', "; did you mean 'batchSize'?"],
    ['maxQueuSize', "; did you mean 'maxQueueSize'?"],
    ['max_queue_size', "; did you mean 'maxQueueSize'?"],
    ['hosts', "; did you mean 'host'?"],
    ['flushOnSignal', "; did you mean 'flushOnSignals'?"],
    ['flushAt', "; use 'batchSize' instead"],
    ['toString', ''],
    ['__proto__x', ''],
  ])("the unknown name '%s' is refused%s", (name, hint) => {
    expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'${hint}`);
  });
});

describe('numbers', () => {
  const TIMER = 2 ** 31 - 1;
  const SAFE = Number.MAX_SAFE_INTEGER;

  test.each([
    ['batchSize', 1, 2_500],
    ['maxBatchSize', 1, 2_500],
    ['maxQueueSize', 1, SAFE],
    ['maxQueueBytes', 131_072, SAFE],
    ['linger', 0, TIMER],
    ['maxRetries', 0, SAFE],
    ['maxRetryDuration', 0, SAFE],
    ['requestTimeout', 1, TIMER],
    ['flushTimeout', 0, TIMER],
  ])('%s is accepted from %d to %d and refused otherwise', async (name, min, max) => {
    const range = max === SAFE ? `of at least ${min}` : `from ${min} to ${max}`;
    const expected = `Setting '${name}' must be a whole number ${range}; got `;
    for (const value of [min, min + 1, max - 1, max]) construct(settings({ [name]: value }));
    for (const value of [min - 1, max + 1, min + 0.5, -1, NaN, Infinity]) {
      expect(refusedWith({ [name]: value })).toBe(expected + value);
    }
    expect(refusedWith({ [name]: String(min) })).toBe(`${expected}'${min}'`);
    expect(refusedWith({ [name]: BigInt(max) })).toBe(`${expected}${max}n`);
    expect(refusedWith({ [name]: null })).toBe(`${expected}null`);
    expect(refusedWith({ [name]: true })).toBe(`${expected}true`);
    expect(refusedWith({ [name]: [min] })).toBe(`${expected}an array`);
  });

  test('reach the worker unchanged', async () => {
    const given = {
      batchSize: 2_400,
      maxBatchSize: 2_500,
      linger: 7,
      maxRetries: 0,
      maxRetryDuration: 8,
      requestTimeout: 9,
    };
    expect(await workerSettings(given)).toMatchObject(given);
  });
});

describe('batchSize and maxBatchSize', () => {
  test.each<[object, number, number]>([
    [{}, 100, 2_500],
    [{ batchSize: 7 }, 7, 7],
    [{ batchSize: 2_500 }, 2_500, 2_500],
    [{ batchSize: 7, maxBatchSize: undefined }, 7, 7],
    [{ batchSize: 7, maxBatchSize: 9 }, 7, 9],
    [{ batchSize: 7, maxBatchSize: 7 }, 7, 7],
    [{ maxBatchSize: 1_000 }, 100, 1_000],
    [{ maxBatchSize: 50 }, 50, 50],
  ])('%j make requests of %d, and of %d behind a backlog', async (given, batchSize, maxBatchSize) => {
    expect(await workerSettings(given)).toMatchObject({ batchSize, maxBatchSize });
  });

  test('that contradict each other are refused', () => {
    expect(refusedWith({ batchSize: 8, maxBatchSize: 7 })).toBe(
      "Setting 'maxBatchSize' must be at least 'batchSize', which is 8; got 7",
    );
  });
});

describe('switches', () => {
  test.each(['disable', 'stub', 'gzip', 'allowInsecureHost'])('%s must be true or false', (name) => {
    for (const value of [true, false]) construct(settings({ [name]: value }));
    const expected = `Setting '${name}' must be true or false; got `;
    expect(refusedWith({ [name]: 'true' })).toBe(`${expected}'true'`);
    expect(refusedWith({ [name]: 1 })).toBe(`${expected}1`);
    expect(refusedWith({ [name]: null })).toBe(`${expected}null`);
  });

  test("flushOnExit must be true, false or 'store'", () => {
    for (const value of [true, false]) construct(settings({ flushOnExit: value }));
    const expected = "Setting 'flushOnExit' must be true, false or 'store'; got ";
    expect(refusedWith({ flushOnExit: 'true' })).toBe(`${expected}'true'`);
    expect(refusedWith({ flushOnExit: null })).toBe(`${expected}null`);
  });
});

describe('onError', () => {
  test('must be a function', () => {
    construct(settings({ onError: () => {} }));
    construct(settings({ onError: async () => {} }));
    const expected = "Setting 'onError' must be a function; got ";
    expect(refusedWith({ onError: 'print' })).toBe(`${expected}'print'`);
    expect(refusedWith({ onError: { handle() {} } })).toBe(`${expected}an object`);
    expect(refusedWith({ onError: null })).toBe(`${expected}null`);
  });

  test('may be left out: errors are then only counted', async () => {
    await bench.api.behave({ type: 'answer', status: 403 });
    const analytics = construct({ writeKey: 'KEY', host: bench.api.url });
    analytics.track({ userId: 'u', event: 'e' });
    expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', failed: 1 });
    expect(analytics.stats().failed).toBe(1);
    await analytics.close();
  });
});

describe('flushOnSignals', () => {
  const before = process.listenerCount('SIGUSR2');

  test('accepts signals that can be listened for', async () => {
    const analytics = construct(settings({ stub: true, flushOnSignals: ['SIGUSR2', 'SIGUSR2'] }));
    expect(process.listenerCount('SIGUSR2')).toBe(before + 1);
    await analytics.close();
    expect(process.listenerCount('SIGUSR2')).toBe(before);
  });

  test.each([
    ['a string', 'SIGTERM', "'SIGTERM'"],
    ['null', null, 'null'],
    ['a name in small letters', ['sigterm'], "'sigterm'"],
    ['a number', [15], '15'],
    ['a signal that cannot be listened for', ['SIGINT', 'SIGKILL'], "'SIGKILL'"],
    ['another one', ['SIGSTOP'], "'SIGSTOP'"],
    ['a name from a prototype', ['toString'], "'toString'"],
  ])('%s is refused', (_, flushOnSignals, shown) => {
    const expected = "Setting 'flushOnSignals' must be a list of signals like ['SIGTERM', 'SIGINT']; got ";
    expect(refusedWith({ flushOnSignals })).toBe(expected + shown);
  });
});

test('the error is a ValidationError, which is an AnalyticsError, and contains only the message', () => {
  const error = refusal(() => construct({}));
  expect(error).toBeInstanceOf(AnalyticsError);
  expect(error).toMatchObject({ name: 'ValidationError', code: 'invalid_setting', attempts: 0, count: 0 });
  expect(error.events).toEqual([]);
  expect(error.status).toBeUndefined();
});
