// What main gets to know about a batch. Without a worker thread, for `npm run mutate`.
import { delivered, failed, oversize, retried } from '@offthread/worker/delivery/outcome';
import { expect, test } from 'vitest';

const text = { head: '', memory: Buffer.alloc(40_000, '1'), start: 0, end: 40_000 };
const batch = { frames: [4, 5, 6].map((sequence) => ({ sequence, text })), through: 6 };

test('a delivery has the number of its last event', () => {
  expect(delivered(batch)).toEqual({ type: 'delivered', through: 6 });
});

test('a failure has its code, its message, and what was tried', () => {
  const verdict = { type: 'fail', code: 'rejected', message: 'The API refused: status 403' } as const;
  expect(failed(batch, verdict, { attempts: 3, status: 403 })).toEqual({
    type: 'failed',
    through: 6,
    code: 'rejected',
    message: 'The API refused: status 403',
    status: 403,
    attempts: 3,
  });
});

test('an event that is too large is dropped without an attempt', () => {
  expect(oversize({ frame: { sequence: 9, text } })).toEqual({
    type: 'dropped',
    through: 9,
    code: 'event_too_large',
    message: 'An event may have at most 32768 bytes as sent; this one has 40000',
    status: undefined,
    attempts: 0,
  });
});

test('a retry says why the last attempt failed, with the status of its reply', () => {
  expect(retried(batch, 2, { type: 'reply', status: 503, text: 'busy' })).toEqual({
    count: 3,
    attempts: 2,
    status: 503,
    message: 'status 503, busy',
  });
  expect(retried(batch, 1, { type: 'fault', message: 'socket hang up' })).toEqual({
    count: 3,
    attempts: 1,
    status: undefined,
    message: 'socket hang up',
  });
});
