// Whatever is wrong with a file, the events around it come back as they were, each once and in order, and nothing else does.
import { crc32 } from 'node:zlib';
import { findRecord, readCursor, readHeader, writeHeader, writeSlot } from '@offthread/worker/spool/index';
import { describe, expect, test } from 'vitest';
import { type ModelFileSystem, seeded } from '../helpers/model-file-system.js';
import { emptyDisk, IDENTITY, leaveRun, payloadOf, recover, segmentPaths } from '../helpers/spool-run.js';
import { upTo } from '../helpers/with-api.js';

const HEADER = writeHeader(IDENTITY, 0).length;
const RECORD = 28 + payloadOf(1).length;

/** Numbers from 1 on. */
function first(count: number): number[] {
  return upTo(count).map((index) => index + 1);
}

/** The content of the only segment of a run of `count` events, and how to read it when it is changed. */
function oneSegment(count: number): {
  readonly fs: ModelFileSystem;
  readonly content: Buffer;
  read(changed: Buffer): ReturnType<typeof recover>;
} {
  const fs = emptyDisk();
  leaveRun(fs, count);
  const [path = ''] = segmentPaths(fs);
  const content = fs.contentOf(path);
  return {
    fs,
    content,
    read(changed) {
      fs.setContent(path, changed);
      return recover(fs);
    },
  };
}

test('A run gives its events in order, as they were written, across segments', () => {
  const fs = emptyDisk();
  leaveRun(fs, 500, 2_000);
  expect(segmentPaths(fs).length).toBeGreaterThan(10);
  const { sequences, payloads, run } = recover(fs);
  expect(sequences).toEqual(first(500));
  expect(payloads).toEqual(first(500).map((sequence) => payloadOf(sequence)));
  expect(run.identity).toMatchObject(IDENTITY);
  expect(run.damaged).toBe(0);
});

test('A segment cut off at any byte gives the events in front of the cut, and no damage', () => {
  const { content, read } = oneSegment(4);
  expect(content.length).toBe(HEADER + 4 * RECORD);
  for (let length = 0; length <= content.length; length++) {
    const { sequences, run } = read(content.subarray(0, length));
    expect(sequences).toEqual(first(Math.max(0, Math.floor((length - HEADER) / RECORD))));
    if (length >= HEADER) expect(run.damaged).toBe(0);
  }
});

test('A flipped bit costs the event that it is in, and no other', () => {
  const { content, read } = oneSegment(4);
  for (let bit = 0; bit < content.length * 8; bit++) {
    const changed = Buffer.from(content);
    const at = bit >> 3;
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
    const { sequences, payloads, run } = read(changed);
    const lost = at < HEADER ? undefined : Math.floor((at - HEADER) / RECORD) + 1;
    const left = first(4).filter((sequence) => sequence !== lost);
    expect(sequences, `bit ${bit}`).toEqual(left);
    expect(payloads).toEqual(left.map((sequence) => payloadOf(sequence)));
    expect(run.identity).toMatchObject(IDENTITY);
    // The last one may look as if it had been torn.
    if (lost === undefined) expect(run.damaged).toBe(0);
    else if (lost < 4) expect(run.damaged).toBe(1);
  }
});

test.each([1, 27, 28, 29, 512, 4096, 1_000_000])('%d zeros behind the last record are no event', (count) => {
  const { content, read } = oneSegment(3);
  const { sequences, run } = read(Buffer.concat([content, Buffer.alloc(count)]));
  expect(sequences).toEqual(first(3));
  expect(run.damaged).toBe(0);
});

test('A record cut off at any byte, with zeros behind it, is no event and no damage', () => {
  const { content, read } = oneSegment(3);
  const whole = HEADER + 3 * RECORD;
  for (let length = HEADER + 2 * RECORD; length < whole; length++) {
    // A process that ended while it wrote leaves zeros that it had written ahead.
    const { sequences, run } = read(
      Buffer.concat([content.subarray(0, length), Buffer.alloc(whole - length + 900)]),
    );
    expect(sequences).toEqual(first(2));
    expect(run.damaged, `cut at ${length}`).toBe(0);
  }
});

test('A record whose end is zero is damaged if something follows it, or nothing at all', () => {
  const { content, read } = oneSegment(3);
  for (const last of [2, 3]) {
    const end = HEADER + last * RECORD;
    const changed = Buffer.from(content).fill(0, end - 20, end);
    const { sequences, run } = read(changed);
    expect(sequences).toEqual(first(3).filter((sequence) => sequence !== last));
    expect(run.damaged).toBe(1);
  }
});

test('Records behind zeros, or behind noise longer than a window, are found', () => {
  const { content, read } = oneSegment(3);
  const middle = HEADER + RECORD;
  const random = seeded(1);
  const noise = Buffer.from(Array.from({ length: 3_000_000 }, () => Math.floor(random() * 256)));
  for (const between of [Buffer.alloc(1), Buffer.alloc(5_000_000), noise]) {
    const { sequences, run } = read(
      Buffer.concat([content.subarray(0, middle), between, content.subarray(middle)]),
    );
    expect(sequences).toEqual(first(3));
    // Nothing is missing between two numbers that follow each other.
    expect(run.damaged).toBe(0);
  }
});

test('An empty file, a file of noise and a file that cannot be opened keep no other segment from being read', () => {
  const fs = emptyDisk();
  leaveRun(fs, 200, 1_500);
  const paths = segmentPaths(fs);
  fs.setContent(paths[0] ?? '', Buffer.alloc(0));
  fs.setContent(paths[1] ?? '', Buffer.from('not a segment'.repeat(100)));
  fs.fault = (operation, path) => (operation === 'open' && path === paths[2] ? 'EACCES' : undefined);
  const { sequences, run } = recover(fs);
  expect(sequences.length).toBeGreaterThan(140);
  expect(sequences.at(-1)).toBe(200);
  expect([...run.leftAlone.keys()]).toEqual([paths[2]]);
  expect(run.damaged).toBe(200 - sequences.length);
});

test('A segment of another format is left where it is, and the others are read', () => {
  for (const format of [0, 2, 77]) {
    const fs = emptyDisk();
    leaveRun(fs, 60, 1_500);
    const [path = ''] = segmentPaths(fs);
    // As a later version may write it: nothing behind the number need be as it is here.
    const content = Buffer.from(fs.contentOf(path));
    content.writeUInt32LE(format, 8);
    content.fill(0xee, 12);
    fs.setContent(path, content);
    const { sequences, run } = recover(fs);
    expect(sequences.at(-1)).toBe(60);
    expect(sequences[0]).toBeGreaterThan(1);
    expect([...run.leftAlone]).toEqual([[path, format]]);
    run.settle(60);
    fs.time += 100_000;
    expect(run.finish()).toBe(true);
    expect(segmentPaths(fs)).toEqual([path]);
  }
});

test('A header says whose events they are, and a flipped bit in the number of the format is damage', () => {
  const header = writeHeader(IDENTITY, 12);
  expect(readHeader(header)).toEqual({
    type: 'header',
    header: { ...IDENTITY, time: 12, length: header.length },
  });
  for (let bit = 0; bit < 32; bit++) {
    const changed = Buffer.from(header);
    const at = 8 + (bit >> 3);
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
    expect(readHeader(changed).type).toBe('damaged');
  }
});

test('A header can have empty texts, and one that is cut off or begins with other bytes is damaged', () => {
  const empty = { ...IDENTITY, frameDefaults: { idPrefix: '', library: '' } };
  const shortest = writeHeader(empty, 12);
  expect(readHeader(shortest)).toEqual({ type: 'header', header: { ...empty, time: 12, length: 64 } });
  const header = writeHeader(IDENTITY, 12);
  for (let length = 0; length < header.length; length++)
    expect(readHeader(header.subarray(0, length)), `${length} bytes`).toEqual({ type: 'damaged' });
  for (let at = 0; at < 8; at++) {
    const changed = Buffer.from(header);
    changed[at] = 0;
    expect(readHeader(changed)).toEqual({ type: 'damaged' });
  }
});

test('A header of another format is not ours, even if it has the same layout', () => {
  const header = writeHeader(IDENTITY, 12);
  header.writeUInt32LE(2, 8);
  const end = header.length - 4;
  header.writeUInt32LE(crc32(header.subarray(0, end)), end);
  expect(readHeader(header)).toEqual({ type: 'foreign', format: 2 });
  header[end - 1] = 0;
  expect(readHeader(header)).toEqual({ type: 'foreign', format: 2 });
});

describe('A cursor', () => {
  const file = Buffer.alloc(12_288);
  writeSlot({ generation: 6, settled: 40, starts: 1 }).copy(file, 0);
  writeSlot({ generation: 7, settled: 50, starts: 0 }).copy(file, 4096);

  test('says what its newer slot says', () => {
    expect(readCursor(file)).toEqual({ generation: 7, settled: 50, starts: 0 });
  });

  test('with a flipped bit says that or what it said before', () => {
    for (const block of [0, 4096]) {
      for (let bit = 0; bit < 24 * 8; bit++) {
        const changed = Buffer.from(file);
        const at = block + (bit >> 3);
        changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
        expect(readCursor(changed).settled).toBe(block === 0 ? 50 : 40);
      }
    }
  });

  test('that is cut off, zero or noise says what is left of it, or that nothing is settled', () => {
    for (let length = 0; length < 4120; length++)
      expect(readCursor(file.subarray(0, length)).settled).toBe(length < 24 ? 0 : 40);
    expect(readCursor(Buffer.alloc(12_288)).settled).toBe(0);
    expect(readCursor(Buffer.alloc(12_288, 0xff)).settled).toBe(0);
  });

  test('that is missing has all of the run sent once more', () => {
    const fs = emptyDisk();
    const run = leaveRun(fs, 10);
    run.settle(4);
    run.save();
    expect(recover(fs).sequences).toEqual([5, 6, 7, 8, 9, 10]);
    fs.remove(`${run.path}/cursor`);
    expect(recover(fs).sequences).toEqual(first(10));
  });
});

test('No text of an event can be taken for a record', () => {
  const { content } = oneSegment(1);
  const record = content.subarray(HEADER).toString('latin1');
  const text = Buffer.from(JSON.stringify({ event: record, twice: `${record}${record}` }));
  expect(findRecord(text, 0, text.length).record).toBeUndefined();
});
