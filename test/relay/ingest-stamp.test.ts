// What ingest adds to an event: its messageId, its corrected time, and a browser's address.
import { expect, test } from 'vitest';
import { stamp } from '../../packages/relay/src/ingest/stamp.js';

const TIME = Date.parse('2026-11-26T12:00:10.000Z');
const SENT_AT = '2026-11-26T12:00:00.000Z';

/** The text with the stamps of a request that took ten seconds by the clock of its sender. */
function stamped(text: string, arrival: { ip?: string; sentAt?: string | null } = {}): string {
  const { ip, sentAt = SENT_AT } = arrival;
  return stamp(text, JSON.parse(text), { time: TIME, sentAt, ip }, () => 'new-id');
}

test('the time of an event is corrected by the clock of its sender', () => {
  const text = '{"type":"track","messageId":"m","timestamp":"2026-11-26T11:59:00.000Z"}';
  expect(JSON.parse(stamped(text))).toEqual({
    type: 'track',
    messageId: 'm',
    timestamp: '2026-11-26T11:59:10.000Z',
  });
});

test('a time with an offset is corrected too, and one without a zone stays', () => {
  const at = (timestamp: string) =>
    JSON.parse(stamped(JSON.stringify({ messageId: 'm', timestamp }))).timestamp;
  expect(at('2026-11-26T13:59:00+02:00')).toBe('2026-11-26T11:59:10.000Z');
  expect(at('2026-11-26T11:59:00.123456Z')).toBe('2026-11-26T11:59:10.123Z');
  for (const other of ['2026-11-26T11:59:00', '2026-11-26', 'yesterday', '1764154740000'])
    expect(at(other)).toBe(other);
});

test('an event without a time gets the time of its arrival, and one without an id gets an id', () => {
  for (const text of ['{"a":1}', '{"a":1,"messageId":null,"timestamp":null}', '{"a":1,"messageId":""}'])
    expect(JSON.parse(stamped(text))).toEqual({
      a: 1,
      messageId: 'new-id',
      timestamp: '2026-11-26T12:00:10.000Z',
    });
});

test('without a sentAt, the time stays as it was sent', () => {
  const text = '{"messageId":"m","timestamp":"2026-11-26T11:59:00.000Z"}';
  for (const sentAt of [null, 'now', '']) expect(stamped(text, { sentAt })).toBe(text);
});

test('an event that brings its own sentAt is corrected by it once', () => {
  const text = `{"messageId":"m","timestamp":"2026-11-26T11:59:00.000Z","sentAt":"${SENT_AT}"}`;
  expect(JSON.parse(stamped(text, { sentAt: null }))).toEqual({
    messageId: 'm',
    timestamp: '2026-11-26T11:59:10.000Z',
  });
});

test('the address of a browser is added to the context, unless there is one', () => {
  const event = (context: string) => `{"messageId":"m","timestamp":"2026-11-26T11:59:00.000Z"${context}}`;
  const ip = '203.0.113.7';
  const contextOf = (context: string) => JSON.parse(stamped(event(context), { ip })).context;
  expect(contextOf('')).toEqual({ ip });
  expect(contextOf(',"context":null')).toEqual({ ip });
  expect(contextOf(',"context":{"page":{"path":"/"}}')).toEqual({ page: { path: '/' }, ip });
  expect(contextOf(',"context":{"ip":"198.51.100.1"}')).toEqual({ ip: '198.51.100.1' });
  expect(contextOf(',"context":"none"')).toBe('none');
});

test('everything else keeps its digits, its order and its unknown fields', () => {
  const text =
    '{"type":"track","channel":"server","properties":{"big":9007199254740993,"small":1.000000000000000000001,"e":1E400},"_metadata":{"n":12345678901234567890},"messageId":"m"}';
  expect(stamped(text)).toBe(text.replace(/}$/, ',"timestamp":"2026-11-26T12:00:10.000Z"}'));
});

test('what is not an object is passed on unchanged', () => {
  for (const text of ['5', '"text"', 'null', '[1]'])
    expect(stamp(text, null, { time: TIME, sentAt: SENT_AT, ip: '1.2.3.4' }, () => 'x')).toBe(text);
});
