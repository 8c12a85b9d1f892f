// The retry policy is two pure functions. This is their decision table.
import {
  BACKOFF_BASE_MS,
  BACKOFF_CAP_MS,
  backoff,
  judge,
  type Tries,
  type Verdict,
} from '@offthread/worker/delivery/retry';
import { HOLD_RANGE_MS } from '@offthread/worker/http/retry-after';
import { describe, expect, test } from 'vitest';

type Response = Parameters<typeof judge>[0];
type Reply = Extract<Response, { type: 'reply' }>;

const POLICY = { maxRetries: 10, maxRetryDuration: 43_200_000 };
const FIRST = { attempts: 1, retries: 0, elapsed: 0, events: 1 };
const NOW = Date.parse('2026-11-24T12:00:00Z');
const half = (): number => 0.5;

function reply(status: number, more: Partial<Reply> = {}): Reply {
  return { type: 'reply', status, text: '', ...more };
}

function verdict(response: Response, tries: Partial<Tries> = {}, policy = POLICY): Verdict {
  return judge(response, { ...FIRST, ...tries }, policy, half, NOW);
}

/** Milliseconds of the pause that a `Retry-After` causes, or undefined if it is ignored. */
function hold(retryAfter: string, more: Partial<Reply> = {}): number | undefined {
  const given = verdict(reply(429, { retryAfter, ...more }));
  return given.type === 'hold' ? given.delay : undefined;
}

describe('a status', () => {
  test.each([200, 201, 202, 204, 207, 226, 299])('%i is delivered', (status) => {
    expect(verdict(reply(status))).toEqual({ type: 'delivered' });
    expect(verdict(reply(status, { text: 'not { json' }))).toEqual({ type: 'delivered' });
  });

  test.each([408, 410, 429, 460, 500, 502, 503, 504, 506, 507, 508, 510, 520, 529, 599])(
    '%i is retried',
    (status) => {
      expect(verdict(reply(status))).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
    },
  );

  test.each([400, 401, 402, 403, 404, 405, 406, 409, 411, 413, 414, 415, 418, 422, 425, 426, 431, 451, 499])(
    '%i fails at once for a single event',
    (status) => {
      expect(verdict(reply(status, { text: 'why' }))).toEqual({
        type: 'fail',
        code: 'rejected',
        message: `The API refused: status ${status}, why`,
      });
    },
  );

  test.each([501, 505, 511])('%i fails at once although it is a 5xx', (status) => {
    expect(verdict(reply(status), { events: 100 })).toMatchObject({ type: 'fail', code: 'rejected' });
  });

  test.each([413, 400])('%i halves a batch of more than one event', (status) => {
    expect(verdict(reply(status), { events: 2 })).toEqual({ type: 'halve' });
    expect(verdict(reply(status), { events: 100 })).toEqual({ type: 'halve' });
  });

  test.each([401, 403, 404, 422])(
    "%i doesn't halve a batch, because each event would fail for the same reason",
    (status) => {
      expect(verdict(reply(status), { events: 100 })).toMatchObject({ type: 'fail', code: 'rejected' });
    },
  );

  test.each([300, 301, 302, 303, 304, 307, 308])('%i is a redirect, which is never followed', (status) => {
    const given = verdict(reply(status, { location: 'https://elsewhere.example' }));
    expect(given).toMatchObject({ type: 'fail', code: 'redirected' });
    const remedy = 'which is never followed; set host and path to the final address';
    const redirect = `The API answered with a redirect (${status}`;
    expect(given).toHaveProperty('message', `${redirect} to https://elsewhere.example), ${remedy}`);
    expect(verdict(reply(status))).toHaveProperty('message', `${redirect}), ${remedy}`);
  });
});

describe('no status', () => {
  test('a network fault is retried', () => {
    const fault: Response = { type: 'fault', message: 'read ECONNRESET' };
    expect(verdict(fault)).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
    expect(verdict(fault, { events: 100 })).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
  });

  test('a reused connection that fails is replaced once, without using up a retry', () => {
    const fault: Response = { type: 'fault', message: 'read ECONNRESET', reused: true };
    const none = { ...POLICY, maxRetries: 0 };
    expect(verdict(fault, {}, none)).toEqual({ type: 'renew' });
    expect(verdict(fault, { attempts: 2 }, none)).toMatchObject({ code: 'retries_exhausted' });
    expect(verdict(fault, { attempts: 2 })).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
  });

  test('an untrusted certificate fails at once', () => {
    const message = 'certificate has expired';
    const code = 'tls_refused';
    expect(verdict({ type: 'refused', code, message })).toEqual({ type: 'fail', code, message });
  });
});

describe('the token server', () => {
  const from = 'token server';

  test.each([400, 401, 413, 415, 501, 505])('fails a whole batch with a %i, without halving it', (status) => {
    expect(verdict(reply(status, { from, text: 'no' }), { events: 100 })).toEqual({
      type: 'fail',
      code: 'token_refused',
      message: `The token server refused: status ${status}, no`,
    });
  });

  test.each([403, 404, 408, 425, 429, 500, 503, 511])(
    'is asked again after a %i, with the same limits as the API',
    (status) => {
      expect(verdict(reply(status, { from }))).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
      expect(verdict(reply(status, { from }), { retries: 10 })).toMatchObject({
        type: 'fail',
        code: 'retries_exhausted',
        message: `Gave up after 10 retries: the token server answered status ${status}`,
      });
    },
  );

  test('may ask for a pause', () => {
    expect(verdict(reply(429, { from, retryAfter: '7' }))).toEqual({ type: 'hold', delay: 7_000 });
  });
});

test('a token that may be stale is renewed, however many retries there were', () => {
  expect(verdict(reply(401, { stale: true }), { retries: 10, events: 100 })).toEqual({ type: 'renew' });
});

test('a 511 for a new token is retried, and uses up a retry', () => {
  const response = reply(511, { unauthorized: true });
  expect(verdict(response)).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
  expect(verdict(response, { retries: 10 })).toMatchObject({ code: 'retries_exhausted' });
  expect(verdict(reply(401, { unauthorized: true }))).toMatchObject({ type: 'fail', code: 'rejected' });
});

describe('X-RateLimit-Reset', () => {
  /** Milliseconds of the pause that it causes, or undefined if it is ignored. */
  function heldBy(rateLimitReset: string, more: Partial<Reply> = {}): number | undefined {
    const given = verdict(reply(429, { rateLimitReset, ...more }));
    return given.type === 'hold' ? given.delay : undefined;
  }

  test.each([429, 503])('alone causes a pause after a %i, as Retry-After does', (status) => {
    expect(verdict(reply(status, { rateLimitReset: '7' }))).toEqual({ type: 'hold', delay: 7_000 });
    expect(verdict(reply(status, { rateLimitReset: '7' }), { retries: 10 })).toMatchObject({ type: 'hold' });
  });

  test.each([
    ['0', 1_000],
    [' 20 ', 20_000],
    ['301', 300_000],
    ['86400', 300_000],
  ])('of %o seconds is limited in the same way', (text, delay) => {
    expect(heldBy(text)).toBe(delay);
  });

  test('may be a point in time, in seconds or milliseconds since 1970', () => {
    expect(heldBy(String(NOW / 1_000 + 30))).toBe(30_000);
    expect(heldBy(String(NOW + 30_000))).toBe(30_000);
    expect(heldBy(String(NOW / 1_000 - 30))).toBe(1_000);
    // By the server's clock, like a date in Retry-After.
    const date = 'Tue, 24 Nov 2026 11:00:00 GMT';
    expect(heldBy(String(Date.parse(date) / 1_000 + 20), { date })).toBe(20_000);
  });

  test('is used only if Retry-After is missing or invalid', () => {
    expect(heldBy('7', { retryAfter: '9' })).toBe(9_000);
    expect(heldBy('7', { retryAfter: 'soon' })).toBe(7_000);
  });

  test.each(['', 'soon', '-5', '1.5', 'NaN', '7 seconds', '1e3'])(
    'of %o means an ordinary backoff',
    (text) => {
      expect(heldBy(text)).toBeUndefined();
    },
  );

  test('is ignored after any other status', () => {
    expect(verdict(reply(500, { rateLimitReset: '7' }))).toMatchObject({ type: 'retry' });
    expect(verdict(reply(200, { rateLimitReset: '7' }))).toEqual({ type: 'delivered' });
  });
});

describe('Retry-After', () => {
  test.each([429, 503])('in seconds causes a pause after a %i', (status) => {
    expect(verdict(reply(status, { retryAfter: '7' }))).toEqual({ type: 'hold', delay: 7_000 });
  });

  test.each([408, 410, 460, 500, 502, 504])('is ignored after a %i', (status) => {
    expect(verdict(reply(status, { retryAfter: '7' }))).toMatchObject({ type: 'retry' });
  });

  test("doesn't delay a success or a refusal", () => {
    expect(verdict(reply(200, { retryAfter: '7' }))).toEqual({ type: 'delivered' });
    expect(verdict(reply(403, { retryAfter: '7' }))).toMatchObject({ type: 'fail' });
    expect(verdict(reply(413, { retryAfter: '7' }), { events: 2 })).toEqual({ type: 'halve' });
    expect(verdict(reply(307, { retryAfter: '7' }))).toMatchObject({ code: 'redirected' });
  });

  test.each([
    ['0', 1_000],
    ['1', 1_000],
    ['2', 2_000],
    [' 30 ', 30_000],
    ['007', 7_000],
    ['300', 300_000],
    ['301', 300_000],
    ['86400', 300_000],
    ['9'.repeat(400), 300_000],
  ])('of %j seconds is kept within its limits', (text, delay) => {
    expect(hold(text)).toBe(delay);
  });

  test.each([
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['Tuesday, 24-Nov-26 12:00:30 GMT', 30_000],
    ['Tue Nov 24 12:00:30 2026', 30_000],
    ['Tue, 24 Nov 2026 12:00:00 GMT', 1_000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 1_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 1_000],
    ['Tue, 24 Nov 2026 13:00:00 GMT', 300_000],
  ])('may be a date: %s', (text, delay) => {
    expect(hold(text)).toBe(delay);
  });

  test('as a date without a zone is GMT on a machine that is not', () => {
    const { TZ } = process.env;
    process.env['TZ'] = 'America/New_York';
    try {
      expect(new Date(NOW).getHours()).toBe(7);
      expect(hold('Tue Nov 24 12:00:30 2026')).toBe(30_000);
    } finally {
      if (TZ === undefined) delete process.env['TZ'];
      else process.env['TZ'] = TZ;
    }
  });

  test('as a date is compared with the date of the reply, whatever the local clock says', () => {
    const date = 'Tue, 24 Nov 2026 11:00:00 GMT';
    expect(hold('Tue, 24 Nov 2026 11:00:20 GMT', { date })).toBe(20_000);
    expect(hold('Tue, 24 Nov 2026 12:00:20 GMT', { date: 'today' })).toBe(20_000);
  });

  test.each([
    '',
    ' ',
    '-5',
    '+5',
    '1.5',
    '1e3',
    '0x10',
    '5s',
    'soon',
    'Infinity',
    'NaN',
    '2026-11-24T12:00:30Z',
    'Tue, soon at 12:00:30 GMT',
    'on Tue, 24 Nov 2026 12:00:30 GMT',
    'Tue, 24 Nov 2026 12:00:30 GMT+2',
    'Tue',
  ])('of %j means an ordinary backoff', (text) => {
    expect(hold(text)).toBeUndefined();
    expect(verdict(reply(429, { retryAfter: text }))).toEqual({ type: 'retry', delay: BACKOFF_BASE_MS / 2 });
  });

  test('uses up no retry', () => {
    const response = reply(503, { retryAfter: '7' });
    expect(verdict(response, { retries: 10 })).toEqual({ type: 'hold', delay: 7_000 });
    expect(verdict(response, {}, { ...POLICY, maxRetries: 0 })).toEqual({ type: 'hold', delay: 7_000 });
  });
});

describe('giving up', () => {
  test('happens when maxRetries is reached; the error has the number of retries and the reason', () => {
    expect(verdict(reply(500), { retries: 9 })).toMatchObject({ type: 'retry' });
    expect(verdict(reply(500, { text: 'down' }), { retries: 10 })).toEqual({
      type: 'fail',
      code: 'retries_exhausted',
      message: 'Gave up after 10 retries: status 500, down',
    });
    expect(verdict({ type: 'fault', message: 'x' }, {}, { ...POLICY, maxRetries: 0 })).toMatchObject({
      code: 'retries_exhausted',
    });
  });

  test('happens when the next attempt would be after maxRetryDuration', () => {
    const policy = { ...POLICY, maxRetryDuration: 10_000 };
    const held = reply(429, { retryAfter: '5' });
    expect(verdict(held, { elapsed: 5_000 }, policy)).toEqual({ type: 'hold', delay: 5_000 });
    expect(verdict(held, { elapsed: 5_001 }, policy)).toMatchObject({
      type: 'fail',
      code: 'retry_duration_exceeded',
    });
    expect(verdict(reply(500), { elapsed: 9_750 }, policy)).toEqual({ type: 'retry', delay: 250 });
    expect(verdict(reply(500), { elapsed: 9_751 }, policy)).toMatchObject({
      code: 'retry_duration_exceeded',
      message:
        'Gave up, because the next attempt would be later than maxRetryDuration (10000 ms) allows: status 500',
    });
  });

  test('happens even if a server keeps asking for pauses', () => {
    let elapsed = 0;
    let asked = 0;
    for (;;) {
      const given = verdict(reply(429, { retryAfter: '300' }), { elapsed });
      if (given.type !== 'hold') break;
      elapsed += given.delay;
      asked++;
    }
    expect(asked).toBe(144); // twelve hours, five minutes each
  });
});

describe('the backoff', () => {
  test('starts at half a second, doubles each time, and is limited to a minute', () => {
    const most = Array.from({ length: 10 }, (_, retries) => backoff(retries, () => 1));
    expect(most).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(backoff(2_000, () => 1)).toBe(BACKOFF_CAP_MS);
  });

  test('has full jitter: any part of the limit, down to zero', () => {
    expect(backoff(3, () => 0)).toBe(0);
    expect(backoff(3, () => 0.25)).toBe(1_000);
    const delays = Array.from({ length: 1_000 }, () => backoff(4, Math.random));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(8_000);
    expect(new Set(delays).size).toBeGreaterThan(990);
  });

  test('grows with the counted retries', () => {
    expect(verdict(reply(500), { retries: 3 })).toEqual({ type: 'retry', delay: 2_000 });
    expect(verdict({ type: 'fault', message: 'x' }, { retries: 9 })).toEqual({
      type: 'retry',
      delay: 30_000,
    });
  });

  test("continues after an early attempt, which isn't counted", () => {
    const ahead = { attempts: 2, retries: 9, left: 123 };
    expect(verdict(reply(500), ahead)).toEqual({ type: 'retry', delay: 123 });
    expect(verdict({ type: 'fault', message: 'x' }, { ...ahead, left: 0 })).toEqual({
      type: 'retry',
      delay: 0,
    });
    expect(verdict(reply(200), ahead)).toEqual({ type: 'delivered' });
    expect(verdict(reply(403), ahead)).toMatchObject({ type: 'fail', code: 'rejected' });
    expect(verdict(reply(429, { retryAfter: '7' }), ahead)).toEqual({ type: 'hold', delay: 7_000 });
  });

  test('and pauses have the documented limits', () => {
    expect(HOLD_RANGE_MS).toEqual([1_000, 300_000]);
    expect([BACKOFF_BASE_MS, BACKOFF_CAP_MS]).toEqual([500, 60_000]);
  });
});
