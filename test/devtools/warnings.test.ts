// What the live page warns about: one pure function, from an event to a list.
import { MAX_EVENT_BYTES, warningsOf } from '@offthread/devtools';
import { describe, expect, test } from 'vitest';

const NOW = Date.parse('2026-01-01T00:00:00.000Z');
const GOOD = { type: 'track', userId: 'u', event: 'Order Completed', messageId: 'm' };

function codes(event: unknown, facts: { bytes?: number; isDuplicate?: boolean } = {}): string[] {
  const { bytes = 100, isDuplicate = false } = facts;
  return warningsOf(event, { bytes, receivedMs: NOW, isDuplicate }).map(({ code }) => code);
}

test('a correct event has no warnings', () => {
  expect(codes({ ...GOOD, timestamp: '2025-12-31T23:59:59.000Z' })).toEqual([]);
});

test('an event without a user, or without a messageId, is warned about', () => {
  expect(codes({ ...GOOD, userId: undefined })).toEqual(['no-user']);
  expect(codes({ ...GOOD, userId: '' })).toEqual(['no-user']);
  expect(codes({ ...GOOD, userId: null, anonymousId: 'a' })).toEqual([]);
  expect(codes({ ...GOOD, userId: 0 })).toEqual([]);
  expect(codes({ ...GOOD, messageId: undefined })).toEqual(['no-message-id']);
  expect(codes({ type: 'identify' })).toEqual(['no-user', 'no-message-id']);
});

test('an event one byte over the limit is too large', () => {
  expect(codes(GOOD, { bytes: MAX_EVENT_BYTES })).toEqual([]);
  expect(codes(GOOD, { bytes: MAX_EVENT_BYTES + 1 })).toEqual(['too-large']);
});

test('a messageId that was received before is a duplicate; a missing one is not', () => {
  expect(codes(GOOD, { isDuplicate: true })).toEqual(['duplicate']);
  expect(codes({ ...GOOD, messageId: null }, { isDuplicate: true })).toEqual(['no-message-id']);
});

test('a timestamp that is further ahead than clocks differ is in the future', () => {
  expect(codes({ ...GOOD, timestamp: new Date(NOW + 4_000).toISOString() })).toEqual([]);
  expect(codes({ ...GOOD, timestamp: new Date(NOW + 60_000).toISOString() })).toEqual(['future']);
  expect(codes({ ...GOOD, timestamp: '2020-02-29T10:00:00Z' })).toEqual([]);
  for (const none of ['2019-02-30', '2019-02-29T10:00:00Z', '+051300-01-01T00:00:00.000Z', '-000000-01-01']) {
    expect(codes({ ...GOOD, timestamp: none })).toEqual(['bad-timestamp']);
  }
  expect(codes({ ...GOOD, timestamp: 'yesterday' })).toEqual(['bad-timestamp']);
  expect(codes({ ...GOOD, timestamp: NOW })).toEqual(['bad-timestamp']);
});

describe('the name of a track event', () => {
  test.each([
    'Order Completed',
    'Product Added to Wishlist',
    'Élève Inscrit',
    '2FA Enabled',
    '注文 完了',
    'A/B Test Viewed',
  ])('%s is in “Object Action” form', (event) => {
    expect(codes({ ...GOOD, event })).toEqual([]);
  });

  test.each([
    'order_completed',
    'Order',
    'order completed',
    'Order completed',
    ' Order Completed',
    'Order  Completed',
    '',
  ])('“%s” is not', (event) => {
    expect(codes({ ...GOOD, event })).toEqual(['name-form']);
  });

  test('is checked in track events only', () => {
    expect(codes({ type: 'page', userId: 'u', messageId: 'm', name: 'home' })).toEqual([]);
  });
});

test('anything but an object has only that warning', () => {
  for (const event of [null, 1, 'text', []]) expect(codes(event)).toEqual(['not-an-object']);
});

test('a hostile name takes only linear time', () => {
  // A pattern that backtracks over its words would hang here for longer than the test may take.
  expect(codes({ ...GOOD, event: `${'To '.repeat(10_000)}x` })).toEqual(['name-form']);
});
