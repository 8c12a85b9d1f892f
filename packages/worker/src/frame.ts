// A frame as main wrote it -> the event as it is sent. Used by queue.ts, and by the SDK's ledger.ts for events that fail.
import { FRAME_HEADER_BYTES, KIND, type Kind, type Signature } from './protocol.js';
import { serialize } from './serialize.js';

/** What lies in memory for one event. */
export interface RawFrame {
  readonly kind: Kind;
  /** When the event was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly bytes: Uint8Array;
  /** Where the next frame begins. */
  readonly end: number;
}

const KINDS = Object.keys(KIND) as Kind[];
const OPENING = Buffer.from('{"context":{');
const CLOSING_BRACE = 0x7d;

/** The frame at `offset`, in place. */
export function readFrame(memory: Buffer, offset: number): RawFrame {
  const start = offset + FRAME_HEADER_BYTES;
  const end = start + memory.readUInt32LE(offset);
  return {
    kind: KINDS[memory.readUInt32LE(offset + 4)] ?? 'whole',
    time: memory.readDoubleLE(offset + 8),
    bytes: memory.subarray(start, end),
    end,
  };
}

/**
 * The event as it is sent. Adds to what the caller gave what main has not written: `type`, `messageId`, `timestamp` and
 * `context.library`.
 */
export function textOf({ kind, time, bytes }: RawFrame, sequence: number, signature: Signature): Uint8Array {
  if (kind === 'whole') return bytes;
  if (kind === 'snapshot') return serialize(bytes);
  const { idPrefix, library } = signature;
  const timestamp = new Date(time).toISOString();
  let head = `{"type":"${kind}","messageId":"${idPrefix}${sequence}","timestamp":"${timestamp}","context":{"library":${library}`;
  const isOpen = OPENING.equals(bytes.subarray(0, OPENING.length));
  if (!isOpen) head += '}';
  const skipped = isOpen ? OPENING.length : 1;
  if (bytes[skipped] !== CLOSING_BRACE) head += ',';
  const text = Buffer.allocUnsafe(head.length + bytes.length - skipped);
  text.set(bytes.subarray(skipped), text.write(head, 'latin1'));
  return text;
}
