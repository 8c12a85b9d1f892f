// An event as it is sent, from the frame that main wrote. Without a worker thread, for `npm run mutate`.
import { lengthOf, type RawFrame, readFrame, stringOf, textOf, write } from '@offthread/worker/frame/frame';
import { FRAME_HEADER_BYTES, KIND, type Kind } from '@offthread/worker/protocol';
import { describe, expect, test } from 'vitest';

const TIME = Date.UTC(2026, 10, 24, 12, 0, 0, 7);
const STAMP = '2026-11-24T12:00:00.007Z';
const DEFAULTS = { idPrefix: 'prefix-', library: '{"name":"lib"}' };

/** Memory with a frame at `offset`, as main writes it. */
function memoryWith(kind: number, content: string, offset: number): Buffer {
  const bytes = Buffer.from(content);
  const memory = Buffer.alloc(offset + FRAME_HEADER_BYTES + bytes.length + 3, '!');
  memory.writeUInt32LE(bytes.length, offset + 4);
  memory.writeDoubleLE(TIME, offset + 16);
  memory.writeUInt32LE(kind, offset + 24);
  bytes.copy(memory, offset + FRAME_HEADER_BYTES);
  return memory;
}

function frameOf(kind: Kind, content: string, time = TIME): RawFrame {
  const memory = Buffer.from(`??${content}!!`);
  return { kind, time, memory, start: 2, end: memory.length - 2 };
}

test('a frame is read where it is, with its kind, its time and its end', () => {
  for (const offset of [0, 5]) {
    const memory = memoryWith(KIND.screen, '{"name":"é"}', offset);
    const frame = readFrame(memory, offset);
    const start = offset + 28;
    expect(frame).toEqual({ kind: 'screen', time: TIME, memory, start, end: start + 13 });
    expect(frame.memory).toBe(memory);
  }
});

test('a frame of an unknown kind is taken for a whole event', () => {
  expect(readFrame(memoryWith(99, '{}', 0), 0).kind).toBe('whole');
});

describe('the event', () => {
  const head = `{"type":"track","messageId":"prefix-12","timestamp":"${STAMP}","context":{"library":{"name":"lib"}`;

  test.each<[string, string, string]>([
    ['without a context', '{"userId":"é","event":"e"}', `${head}},"userId":"é","event":"e"}`],
    ['with a context', '{"context":{"ip":"::1"},"userId":"u"}', `${head},"ip":"::1"},"userId":"u"}`],
    ['with an empty context', '{"context":{},"userId":"u"}', `${head}},"userId":"u"}`],
    ['with a context alone', '{"context":{"a":1}}', `${head},"a":1}}`],
    ['with a field that begins like the context', '{"contexts":{"a":1}}', `${head}},"contexts":{"a":1}}`],
  ])('%s is completed', (_, content, expected) => {
    const text = textOf(frameOf('track', content), 12, DEFAULTS);
    expect(stringOf(text)).toBe(expected);
    expect(JSON.parse(stringOf(text))).toMatchObject({ type: 'track', messageId: 'prefix-12' });
    expect(lengthOf(text)).toBe(Buffer.byteLength(expected));
    const target = Buffer.alloc(lengthOf(text) + 10, '.');
    expect(write(text, target, 4)).toBe(4 + lengthOf(text));
    expect(target.toString()).toBe(`....${expected}......`);
  });

  test('of each frame has the time of that frame', () => {
    const times = [TIME, TIME, TIME + 1, 0].map((time) => {
      const { timestamp } = JSON.parse(
        stringOf(textOf(frameOf('page', '{"userId":"u"}', time), 1, DEFAULTS)),
      );
      return Date.parse(timestamp);
    });
    expect(times).toEqual([TIME, TIME, TIME + 1, 0]);
  });

  test('that is whole is sent as it is', () => {
    const text = textOf(frameOf('whole', '{"type":"alias"}'), 1, DEFAULTS);
    expect(text.head).toBe('');
    expect(stringOf(text)).toBe('{"type":"alias"}');
  });

  test('that is a snapshot is written with its big numbers as text', () => {
    const { serialize } = process.getBuiltinModule('node:v8');
    const snapshot = serialize(['{"n":"MARK0","s":"é"}', 'MARK', 2n ** 70n]);
    const memory = Buffer.concat([Buffer.from('??'), snapshot, Buffer.from('!')]);
    const frame = { kind: 'snapshot', time: TIME, memory, start: 2, end: memory.length - 1 } as const;
    const text = textOf(frame, 1, DEFAULTS);
    expect(stringOf(text)).toBe('{"n":"1180591620717411303424","s":"é"}');
    expect(lengthOf(text)).toBe(Buffer.byteLength(stringOf(text)));
  });
});
