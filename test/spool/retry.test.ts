// With a spool, faults that pass never end a batch, faults of the configuration pause the source, and only what is wrong with
// an event fails it. Without one all stays as it is, see delivery/retry.test.ts.
import { judge, PAUSE_MS } from '@offthread/worker/delivery/retry';
import { describe, expect, test } from 'vitest';

type Response = Parameters<typeof judge>[0];

const POLICY = { maxRetries: 0, maxRetryDuration: 0 };
const LATE = { attempts: 1_000, retries: 1_000, elapsed: 1e12 };

function reply(status: number): Response {
  return { type: 'reply', status, text: '', retryAfter: '7' };
}

function verdict(response: Response, events: number, spool?: object) {
  return judge(response, { ...LATE, events }, { ...POLICY, spool }, () => 0.5, 0);
}

describe.each([1, 100])('Of %d events', (events) => {
  test.each([408, 410, 429, 460, 500, 502, 503, 504, 599])('status %i is tried for ever', (status) => {
    expect(verdict(reply(status), events, {}).type).toMatch(/^(retry|hold)$/);
    expect(verdict(reply(status), events).type).toBe('fail');
  });

  test('a network fault is tried for ever', () => {
    const fault: Response = { type: 'fault', message: 'ECONNREFUSED' };
    expect(verdict(fault, events, {})).toEqual({ type: 'retry', delay: 30_000 });
    expect(verdict(fault, events).type).toBe('fail');
  });

  test.each([301, 302, 401, 402, 403, 404, 405, 501, 505, 511])('status %i pauses the source', (status) => {
    expect(verdict(reply(status), events, {})).toMatchObject({ type: 'pause', delay: PAUSE_MS });
    expect(verdict(reply(status), events).type).toBe('fail');
  });

  test('a refused certificate or token pauses the source', () => {
    for (const code of ['tls_refused', 'token_refused'] as const) {
      const refused: Response = { type: 'refused', code, message: 'no' };
      expect(verdict(refused, events, {})).toEqual({ type: 'pause', delay: PAUSE_MS, code, message: 'no' });
    }
    const token: Response = { type: 'reply', from: 'token server', status: 400, text: '' };
    expect(verdict(token, events, {})).toMatchObject({ type: 'pause', code: 'token_refused' });
  });

  test.each([400, 413])('status %i is about the event', (status) => {
    expect(verdict(reply(status), events, {})).toEqual(verdict(reply(status), events));
    expect(verdict(reply(status), events, {}).type).toBe(events === 1 ? 'fail' : 'halve');
  });
});
