// Turns a frame as main wrote it into the event as it is sent. Used by queue.ts, and by the SDK's pending-events.ts for
// failed events.
import { FRAME, FRAME_HEADER_BYTES, type FrameDefaults, KIND, type Kind } from '../protocol.js';
import { serializeSnapshot } from './serialize-snapshot.js';

/** One event in memory. */
export interface RawFrame {
  readonly kind: Kind;
  /** When the event was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly memory: Buffer;
  /** Its bytes in `memory`, from `start` to `end`. The next frame begins at `end`. */
  readonly start: number;
  readonly end: number;
}

/** An event as it is sent: JSON in UTF-8, in two parts, so that the second part is copied only once, into the body. */
export interface Text {
  /** ASCII. */
  readonly head: string;
  /** The bytes from `start` to `end` follow `head`. */
  readonly memory: Buffer;
  readonly start: number;
  readonly end: number;
}

const KINDS = Object.keys(KIND) as Kind[];
const OPENING = Buffer.from('{"context":{');
const CLOSING_BRACE = 0x7d;

/** Reads the frame at `offset` without copying it. */
export function readFrame(memory: Buffer, offset: number): RawFrame {
  const start = offset + FRAME_HEADER_BYTES;
  return {
    kind: KINDS[memory.readUInt32LE(offset + FRAME.KIND)] ?? 'whole',
    time: memory.readDoubleLE(offset + FRAME.TIME),
    memory,
    start,
    end: start + memory.readUInt32LE(offset + FRAME.LENGTH),
  };
}

/** Writes the header of a frame at `offset` whose bytes have this length. */
export function writeFrameHeader(
  memory: Buffer,
  offset: number,
  { kind, time }: Pick<RawFrame, 'kind' | 'time'>,
  length: number,
): void {
  memory.writeUInt32LE(length, offset + FRAME.LENGTH);
  memory.writeDoubleLE(time, offset + FRAME.TIME);
  memory.writeUInt32LE(KIND[kind], offset + FRAME.KIND);
}

/**
 * Returns the event as it is sent. Adds the fields that main doesn't write: `type`, `messageId`, `timestamp` and
 * `context.library`.
 */
export function textOf(
  { kind, time, memory, start, end }: RawFrame,
  sequence: number,
  frameDefaults: FrameDefaults,
): Text {
  if (kind === 'whole') return { head: '', memory, start, end };
  if (kind === 'snapshot') {
    const json = serializeSnapshot(memory.subarray(start, end));
    return { head: '', memory: json, start: 0, end: json.length };
  }
  const { idPrefix, library } = frameDefaults;
  const isOpen = memory.compare(OPENING, 0, OPENING.length, start, start + OPENING.length) === 0;
  const rest = start + (isOpen ? OPENING.length : 1);
  const head = `{"type":"${kind}","messageId":"${idPrefix}${sequence}","timestamp":"${isoTime(time)}","context":{"library":${library}${isOpen ? '' : '}'}${memory[rest] === CLOSING_BRACE ? '' : ','}`;
  return { head, memory, start: rest, end };
}

/** Bytes of the event as it is sent. */
export function lengthOf({ head, start, end }: Text): number {
  return head.length + end - start;
}

/** Writes the event into `target` and returns the offset after it. */
export function write({ head, memory, start, end }: Text, target: Buffer, at: number): number {
  const middle = at + target.write(head, at, 'latin1');
  return middle + memory.copy(target, middle, start, end);
}

/** The event as JSON text. */
export function stringOf({ head, memory, start, end }: Text): string {
  return head + memory.toString('utf8', start, end);
}

let lastTime = Number.NaN;
let lastIso = '';

/** Caches the last time, because events come in order and a busy server has several in a millisecond. */
function isoTime(time: number): string {
  if (time !== lastTime) {
    lastTime = time;
    lastIso = new Date(time).toISOString();
  }
  return lastIso;
}
