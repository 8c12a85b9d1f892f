// The names of the keys in Redis. All keys of a source have the same hash tag, so that one script can use them.
import { createHash } from 'node:crypto';

/**
 * Relays with the same sources and partitions that have given a sign of life: a sorted set, by time. Others don't count:
 * they wouldn't take this relay's share of the partitions.
 */
export function relaysKey(sources: readonly string[], partitions: number): string {
  const hash = createHash('sha256')
    .update([...sources.toSorted(), partitions].join(' '))
    .digest('hex');
  return `offthread:{relays}:${hash.slice(0, 32)}`;
}

/** Set of the sources that relays have had, also of those whose write key isn't listed any more. */
export const SOURCES_KEY = 'offthread:{relays}:sources';

/** The keys of a source. */
export interface SourceKeys {
  /** Hash: events and bytes of each partition, bytes of the dead letters, and how many were refused. */
  readonly counters: string;
  /** The number of partitions that the events were appended for. */
  readonly partitions: string;
  /** Stream of dead letters. */
  readonly dead: string;
  /** Expires when events may be sent again after a `Retry-After`. */
  readonly hold: string;
  /** Stream of a partition, and those of all. */
  stream(partition: number): string;
  streams(partitions: number): string[];
  /** Token of the relay that holds a partition. Expires with the lease. */
  lease(partition: number): string;
  /** Hash: the marks of each entry of a partition. */
  marks(partition: number): string;
}

export function keysOf(source: string): SourceKeys {
  const prefix = `offthread:{${source}}:`;
  const stream = (partition: number): string => `${prefix}${partition}`;
  return {
    counters: `${prefix}counters`,
    partitions: `${prefix}partitions`,
    dead: `${prefix}dead`,
    hold: `${prefix}hold`,
    stream,
    streams: (partitions) => Array.from({ length: partitions }, (_, partition) => stream(partition)),
    lease: (partition) => `${prefix}lease:${partition}`,
    marks: (partition) => `${prefix}marks:${partition}`,
  };
}
