// The context of a batch is merged into its events. A small request must not become gigabytes by that.
import { eventTexts, parseBody, receive } from '@offthread/tracking-api';
import { expect, test } from 'vitest';

const ROUTE = { type: 'batch' } as const;

/** A body with that many events, and a context of about that many bytes. */
function bodyOf(events: number, contextBytes: number): Buffer {
  const batch = Array.from({ length: events }, () => ({}));
  return Buffer.from(JSON.stringify({ batch, context: { note: 'x'.repeat(contextBytes) } }));
}

test('a batch whose events would be too large with its context is refused before they are merged', async () => {
  const body = bodyOf(60_000, 250_000);
  const { refusal } = parseBody(body, ROUTE);
  expect(refusal).toMatchObject({ status: 400, code: 'payload_too_large' });
  expect(refusal?.message).toMatch(/8388608 bytes with its context/);
});

test('a context of many members is not copied into each event before the request is refused', async () => {
  const context = Object.fromEntries(Array.from({ length: 25_000 }, (_, index) => [`k${index}`, 1]));
  const body = Buffer.from(JSON.stringify({ batch: Array.from({ length: 60_000 }, () => ({})), context }));
  const before = process.memoryUsage().heapTotal;
  const receipt = await receive({ route: ROUTE, headers: {}, body }, { writeKeys: [] });
  expect(receipt.refusal?.status).toBe(400);
  expect(process.memoryUsage().heapTotal - before).toBeLessThan(500 * 1024 * 1024);
});

test('a context that fits is merged into all events of a large batch', () => {
  const body = bodyOf(2_500, 3_000);
  expect(parseBody(body, ROUTE).refusal).toBeNull();
  const texts = eventTexts(body, ROUTE);
  expect(texts).toHaveLength(2_500);
  expect(JSON.parse(texts.at(-1) ?? '')).toEqual({ context: { note: 'x'.repeat(3_000) } });
});

test('a large batch without a context is not limited by this', () => {
  const batch = Array.from({ length: 100_000 }, () => ({}));
  expect(parseBody(Buffer.from(JSON.stringify({ batch })), ROUTE).refusal).toBeNull();
});

test('a large batch is not limited by a field that is not merged into its events', () => {
  const batch = Array.from({ length: 2_500 }, () => ({}));
  const body = Buffer.from(JSON.stringify({ context: { ip: '::1' }, batch, note: 'x'.repeat(300_000) }));
  expect(parseBody(body, ROUTE).refusal).toBeNull();
});

test('an event that is too large is found if the batch is not the last field', () => {
  const batch = [{}, { properties: { note: 'x'.repeat(40_000) } }, {}];
  const body = Buffer.from(JSON.stringify({ batch, context: { ip: '::1' } }));
  const { faults } = parseBody(body, ROUTE);
  expect(faults.filter(({ code }) => code === 'event_too_large')).toMatchObject([{ index: 1 }]);
});
