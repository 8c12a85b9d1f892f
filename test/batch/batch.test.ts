// Batches and bodies: none exceeds a limit of the API, no event is lost or overtaken, and batches are as full as the limits
// allow. Without a worker thread, for `npm run mutate`.
import {
  type Batch,
  cut,
  type FrameSource,
  halve,
  join,
  sizeOf,
  takeBatch,
} from '@offthread/worker/batch/batch';
import { bodyOf, openingOf, releaseBody } from '@offthread/worker/batch/body';
import { lengthOf, type Text } from '@offthread/worker/frame/frame';
import { MAX_BATCH_EVENTS, MAX_BODY_BYTES, MAX_EVENT_BYTES } from '@offthread/worker/limits';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { upTo } from '../helpers/with-api.js';

type Frame = Batch['frames'][number];

/** Bytes of a body around its events: `{"batch":[` … `],"sentAt":"2026-11-24T12:00:00.000Z"}`. */
const ENVELOPE = 10 + 12 + 24 + 2;

/** A body with one frame of this size. */
function bodyWith(character: string, bytes: number): Buffer {
  const memory = Buffer.alloc(bytes, character);
  return bodyOf(
    { frames: [{ sequence: 1, text: { head: '', memory, start: 0, end: bytes } }], through: 1 },
    new Date(),
  );
}

describe('the pure functions', () => {
  const filler = Buffer.alloc(2 * MAX_EVENT_BYTES, '1');

  /** An event of `size` bytes: a few in its head, like what the worker adds, and the rest in memory. */
  function textOf(memory: Buffer, size: number): Text {
    const start = Math.min(size, 5);
    return { head: memory.toString('latin1', 0, start), memory, start, end: size };
  }

  function framesOf(sizes: readonly number[]): Frame[] {
    return sizes.map((size, index) => ({ sequence: index + 1, text: textOf(filler, size) }));
  }

  function sourceOf(frames: readonly Frame[]): FrameSource {
    const left = [...frames];
    return { peek: () => left[0], shift: () => left.shift() };
  }

  /** Takes everything: batches, and frames that no request can carry. */
  function takeAll(frames: readonly Frame[], batchSize: number): (Batch | Frame)[] {
    const source = sourceOf(frames);
    const taken: (Batch | Frame)[] = [];
    for (let next = takeBatch(source, batchSize); next !== undefined; next = takeBatch(source, batchSize)) {
      taken.push('frame' in next ? next.frame : next);
      if (taken.length > frames.length) return expect.fail('more was taken than there is');
    }
    return taken;
  }

  function framesIn(taken: readonly (Batch | Frame)[]): Frame[] {
    return taken.flatMap((each) => ('frames' in each ? each.frames : [each]));
  }

  /** Compares by identity, because comparing the memory of frames takes seconds, and so does showing it. */
  function expectSame(given: readonly Frame[], expected: readonly Frame[]): void {
    expect(given.length).toBe(expected.length);
    expect(given.findIndex((frame, index) => frame !== expected[index])).toBe(-1);
  }

  const sizes = fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 2_000 }),
      fc.integer({ min: MAX_EVENT_BYTES - 8, max: MAX_EVENT_BYTES + 8 }),
      fc.integer({ min: 1, max: MAX_EVENT_BYTES + 5_000 }),
    ),
    { maxLength: 120 },
  );
  const batchSizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(100, MAX_BATCH_EVENTS));
  const run = { seed: 20_261_124, numRuns: 300 };

  test('no limit is exceeded, order is kept, nothing is lost, and no batch is shorter than necessary', () => {
    fc.assert(
      fc.property(sizes, batchSizes, (lengths, batchSize) => {
        const frames = framesOf(lengths);
        const taken = takeAll(frames, batchSize);
        expectSame(framesIn(taken), frames);
        for (const [index, each] of taken.entries()) {
          if (!('frames' in each)) {
            expect(lengthOf(each.text)).toBeGreaterThan(MAX_EVENT_BYTES);
            continue;
          }
          const size = bodyOf(each, new Date()).length;
          expect(size).toBeLessThanOrEqual(MAX_BODY_BYTES);
          expect(each.frames.length).toBeLessThanOrEqual(batchSize);
          expect(each.through).toBe(each.frames.at(-1)?.sequence);
          for (const { text } of each.frames) expect(lengthOf(text)).toBeLessThanOrEqual(MAX_EVENT_BYTES);
          const next = taken[index + 1];
          if (each.frames.length === batchSize || next === undefined || !('frames' in next)) continue;
          const [first] = next.frames;
          expect(size + 1 + (first === undefined ? 0 : lengthOf(first.text))).toBeGreaterThan(MAX_BODY_BYTES);
        }
      }),
      run,
    );
  });

  test('a body is JSON with the unchanged frames, and has the calculated length', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 50 }), (values) => {
        const texts = values.map((value) => JSON.stringify(value));
        const frames = texts.map((text, index) => {
          const memory = Buffer.from(text);
          // A head is ASCII.
          const start = /^[ -~]/.test(text) ? 1 : 0;
          return {
            sequence: index + 1,
            text: { head: text.slice(0, start), memory, start, end: memory.length },
          };
        });
        const sentAt = new Date('2026-11-24T12:00:00Z');
        const body = bodyOf({ frames, through: frames.length }, sentAt);
        expect(body.toString()).toBe(`{"batch":[${texts.join()}],"sentAt":"2026-11-24T12:00:00.000Z"}`);
        const bytes = frames.reduce((sum, { text }) => sum + lengthOf(text), 0);
        expect(body.length).toBe(ENVELOPE + bytes + frames.length - 1);
      }),
      run,
    );
  });

  test('the memory of a large body is reused after it is released, and not before', () => {
    const first = bodyWith('1', 70_000);
    const second = bodyWith('2', 70_000);
    expect(second.buffer === first.buffer).toBe(false);
    releaseBody(first);
    const third = bodyWith('3', 65_536);
    // Comparing with === because showing the difference of two buffers takes longer than a minute.
    expect(third.buffer === first.buffer).toBe(true);
    expect(third.toString()).toContain(`{"batch":[${'3'.repeat(65_536)}],"sentAt":`);
    expect(third.length).toBe(ENVELOPE + 65_536);
    expect(second.toString()).toContain(`{"batch":[${'2'.repeat(70_000)}],"sentAt":`);
    releaseBody(third);
    expect(bodyWith('4', 400_000).length).toBe(ENVELOPE + 400_000);
  });

  test('the spare memory is four buffers, large enough for the largest body', () => {
    const sizes = [70_000, 400_000, 150_000, 300_000, 90_000, 200_000, 499_900];
    const given = sizes.map((size) => bodyWith('1', size));
    for (const body of given) releaseBody(body);
    const kept = new Set(given.map(({ buffer }) => buffer));
    const taken = sizes.map(() => bodyWith('2', 66_000)).filter(({ buffer }) => kept.has(buffer));
    expect(taken.map(({ buffer }) => buffer.byteLength)).toEqual([262_144, 327_680, 458_752, 524_288]);
  });

  test('a small body has memory of its own size, which is not kept', () => {
    const small = bodyWith('1', 1_000);
    // It comes from the pool of Buffer, whose size depends on the version of Node.js.
    expect(small.buffer.byteLength % 65_536).not.toBe(0);
    releaseBody(small);
    expect(bodyWith('2', 1_000).toString()).not.toBe(small.toString());
    expect(small.toString()).toContain('1'.repeat(1_000));
  });

  test('halves are two batches with all frames in order, down to single frames', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), (count) => {
        const frames = framesOf(upTo(count).map(() => 1));
        const single: Frame[] = [];
        // Collected, because a call of expect() for each batch takes seconds in all.
        const wrong: Batch[] = [];
        const split = (batch: Batch): void => {
          if (batch.frames.length === 0 || batch.through !== batch.frames.at(-1)?.sequence) {
            wrong.push(batch);
            return;
          }
          if (batch.frames.length === 1) {
            single.push(...batch.frames);
            return;
          }
          const [first, second] = halve(batch);
          const difference = first.frames.length - second.frames.length;
          if (difference !== 0 && difference !== 1) wrong.push(batch);
          split(first);
          split(second);
        };
        split({ frames, through: count });
        expect(wrong.length).toBe(0);
        expectSame(single, frames);
      }),
      run,
    );
  });

  test('the body limit is 500,000 bytes including everything around the events', () => {
    const rest = MAX_BODY_BYTES - ENVELOPE - 15 * (MAX_EVENT_BYTES + 1);
    const full = upTo(15).map(() => MAX_EVENT_BYTES);
    expect(MAX_BODY_BYTES).toBe(500_000);
    const sizesTaken = (last: number): number[] =>
      takeAll(framesOf([...full, last]), 100).map((each) => ('frames' in each ? each.frames.length : 0));
    expect(sizesTaken(rest - 1)).toEqual([16]);
    expect(sizesTaken(rest)).toEqual([16]);
    expect(sizesTaken(rest + 1)).toEqual([15, 1]);
  });

  test('more than ten batches that wait are a backlog, for which a larger batch is allowed', () => {
    const settings = { batchSize: 7, maxBatchSize: 50 };
    expect([0, 7, 70, 71, 1_000].map((waiting) => sizeOf(waiting, settings))).toEqual([7, 7, 7, 50, 50]);
  });

  test('a batch is cut where its body would become too large, but not before the second event', () => {
    const opening = openingOf({ oauth: undefined, writeKey: 'KEY' });
    const batch = { frames: framesOf([100, 200, 300, 400]), through: 4 };
    const sizeWith = (count: number): number => {
      const frames = batch.frames.slice(0, count);
      return bodyOf({ frames, through: count }, new Date()).length;
    };
    const lengths = (maxBytes: number): number[] =>
      cut(batch, opening, maxBytes).map((part) => part?.frames.length ?? 0);
    expect(lengths(1)).toEqual([1, 3]);
    for (const count of [1, 2, 3]) {
      expect(lengths(sizeWith(count))).toEqual([count, 4 - count]);
      expect(lengths(sizeWith(count + 1) - 1)).toEqual([count, 4 - count]);
    }
    expect(lengths(sizeWith(4))).toEqual([4]);
    const [first, rest] = cut(batch, opening, sizeWith(2));
    expect([first.through, rest?.through]).toEqual([2, 4]);
    expectSame(join(rest === undefined ? [] : [first, rest]).frames, batch.frames);
    expect(join([first]).through).toBe(2);
  });

  test('the body begins with the write key only if access tokens are used, which do not name the source', () => {
    const batch = { frames: framesOf([3]), through: 1 };
    const oauth = {} as NonNullable<Parameters<typeof openingOf>[0]['oauth']>;
    const sentAt = new Date('2026-11-24T12:00:00Z');
    const bodyWithKey = (given: Parameters<typeof openingOf>[0]): string =>
      bodyOf(batch, sentAt, openingOf(given)).toString();
    const rest = '"batch":[111],"sentAt":"2026-11-24T12:00:00.000Z"}';
    expect(bodyWithKey({ oauth, writeKey: 'a"é' })).toBe(`{"writeKey":"a\\"é",${rest}`);
    expect(bodyWithKey({ oauth: undefined, writeKey: 'a' })).toBe(`{${rest}`);
  });

  test('a batch has at least one event, even if its body is larger than the limit', () => {
    const source = sourceOf(framesOf([100, 200]));
    const taken = [takeBatch(source, 100, undefined, 1), takeBatch(source, 100, undefined, 1)];
    expect(taken.map((each) => each !== undefined && 'frames' in each && each.frames.length)).toEqual([1, 1]);
  });

  test('an empty source gives nothing, and an event over the limit is returned by itself', () => {
    expect(takeBatch(sourceOf([]), 100)).toBeUndefined();
    const frames = framesOf([MAX_EVENT_BYTES + 1]);
    const taken = takeAll(frames, 100);
    expect(taken.filter((each) => 'frames' in each).length).toBe(0);
    expectSame(framesIn(taken), frames);
  });
});
