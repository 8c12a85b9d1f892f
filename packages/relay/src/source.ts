// A source of events: a write key, and the name that stands for it everywhere else.
import { shortSource } from '@offthread/worker/spool/run-folder';
import { sourceOf } from '@offthread/worker/spool/source';

/** A write key that the relay accepts. */
export interface Source {
  /** A hash of the write key. Engines, logs and metrics contain only this. */
  readonly name: string;
  readonly writeKey: string;
}

/** Returns the source of a write key. */
export function sourceFor(writeKey: string): Source {
  return { name: shortSource(sourceOf(writeKey)), writeKey };
}
