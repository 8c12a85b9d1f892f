// What the relay needs of an engine: a durable log of events for each source and partition. Implemented by redis/ and
// disk/.

/** Events of one request for one partition, in order, each as its JSON text. */
export interface PartitionedEvents {
  readonly partition: number;
  readonly texts: readonly string[];
}

/** Result of appending: a request's events are stored all or not at all. */
export type Appended = { readonly type: 'stored' } | { readonly type: 'full' };

/** Events that were stored together. They are removed together. */
export interface Entry {
  /** Increases within a partition. Its form is the engine's. */
  readonly id: string;
  /** When the events were stored, in milliseconds since 1970. */
  readonly time: number;
  readonly texts: readonly string[];
  /** How often a holder ended while it sent this entry. */
  readonly marks: number;
}

/** The right to deliver a partition, until it expires. */
export interface Lease {
  readonly source: string;
  readonly partition: number;
  readonly token: string;
}

/** An event that is never delivered, and why. */
export interface DeadLetter {
  readonly text: string;
  readonly code: string;
  readonly message: string;
  readonly status?: number | undefined;
}

/** Dead letters may take one part in this many of a source's bytes. The rest is for events that wait. */
export const DEAD_LETTERS_SHARE = 10;

/** Entries that are done with. */
export interface Removal {
  readonly ids: readonly string[];
  readonly delivered: number;
  readonly deadLetters: readonly DeadLetter[];
}

/** What waits in a partition, or in all partitions of a source. */
export interface Backlog {
  readonly events: number;
  readonly bytes: number;
  /** When the oldest event was stored, in milliseconds since 1970; undefined if nothing waits. */
  readonly oldest?: number | undefined;
  readonly deadLetters: number;
  /** Dead letters that were refused because there were too many. */
  readonly deadLettersRefused: number;
}

/** An entry of a source's dead letters. */
export interface StoredDeadLetter extends DeadLetter {
  readonly id: string;
  readonly time: number;
}

/** A durable log. Each function rejects with `EngineUnavailableError` if the engine can't do it now. */
export interface Engine {
  /** Number of partitions of each source. */
  readonly partitions: number;

  /** Milliseconds after which a lease expires if it isn't renewed. Infinity if it never does. */
  readonly leaseDuration: number;

  /** Stores the events of one request, all or none. Resolves when they survive what the engine promises to survive. */
  append(source: string, events: readonly PartitionedEvents[]): Promise<Appended>;

  /**
   * Returns the first entries after `after`, or the first of the partition: at most `count`, and no more than one
   * request carries, but at least one.
   */
  read(lease: Lease, after: string | undefined, count: number): Promise<readonly Entry[]>;

  /** Removes entries and stores dead letters. Returns false, and does neither, if the lease is lost. */
  remove(lease: Lease, removal: Removal): Promise<boolean>;

  /** Acquires, renews or releases leases. `undefined` or `false` if another relay holds the partition. */
  acquire(source: string, partition: number): Promise<Lease | undefined>;
  renew(lease: Lease): Promise<boolean>;
  release(lease: Lease): Promise<void>;

  /**
   * Keeps all relays from sending events of a source for at least `duration` ms. Returns for how many milliseconds they
   * send none. A duration rather than a time: clocks differ, and are set.
   */
  hold(source: string, duration?: number): Promise<number>;

  /**
   * Marks entries before they are sent, and unmarks them once their request is out. `mark` returns false if the lease is
   * lost.
   */
  mark(lease: Lease, ids: readonly string[]): Promise<boolean>;
  unmark(lease: Lease, ids: readonly string[]): Promise<void>;

  /** Number of relays with the same sources that have given a sign of life lately, this one included. Gives one. */
  heartbeat(): Promise<number>;

  /** Resolves with why no events can be stored now, which anybody may read; undefined if they can. */
  obstacle(): Promise<string | undefined>;

  backlog(source: string): Promise<Backlog>;
  holders(source: string): Promise<readonly (string | undefined)[]>;

  deadLetters(source: string, after?: string, count?: number): Promise<readonly StoredDeadLetter[]>;
  /** Stores dead letters as events again, at the end of their partitions, and removes them. */
  removeDeadLetters(source: string, ids: readonly string[]): Promise<number>;

  close(): Promise<void>;
}

/** The engine can't store or return events now: it is down, out of memory, or too slow. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}
