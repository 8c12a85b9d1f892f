// An event as main writes it to shared memory. Types only. Used by encode.ts, whole-event.ts and pending/.
import type { FrameDefaults, Kind } from '@offthread/worker/protocol';

/** A serialized event. */
export interface EncodedEvent {
  /** The format of `content`: JSON text, or the bytes of a snapshot if JSON text cannot hold the event. */
  readonly kind: Kind;
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
  readonly content: string | Uint8Array;
  /** Snapshots only: the minimum size of the event in bytes when it is sent. */
  readonly minBytes?: number;
}

/** The source of sequence numbers and of the prefix of `messageId`. */
export interface Numbering {
  /** Sequence number of the newest event. */
  readonly accepted: number;
  readonly frameDefaults: FrameDefaults;
}
