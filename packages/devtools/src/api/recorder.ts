// Records and counts requests, with limits on the memory it uses.
import { type EventRoute, parseBody, type ReceivedEvent } from '@offthread/tracking-api';
import type { Settings } from './options.js';
import type { Counts, RequestRecord, RequestState } from './request-record.js';

/**
 * A record as it is stored. The body stays in a buffer, outside the JS heap, and is parsed again when the record is
 * read.
 */
export interface Entry extends Omit<RequestRecord, 'events'> {
  /** The JSON text of the body. */
  body: Buffer | null;
  /** `null` for a request that can't contain events. */
  route: EventRoute | null;
  /** Kept for the live page. `null` if there is no page, or if no regular reply was sent. */
  reply: SentReply | null;
}

/** A reply as it was sent. */
export interface SentReply {
  status: number;
  headers: Record<string, number | string | string[] | undefined>;
  /** `null` if it was a stream. */
  body: string | null;
}

/** What is known about a request when its behaviour has been chosen. */
export type NewEntry = Omit<Entry, 'sequence' | 'durationMs' | 'state' | 'messageIds' | 'reply'> & {
  events: ReceivedEvent[];
};

/** Some records, and where the next page starts. */
export interface Page {
  entries: Entry[];
  next: number | null;
}

/** The counters that this class keeps. */
export type RecorderCounts = Omit<Counts, 'connections' | 'maxConnections' | 'maxConcurrentByWriteKey'>;

/** The argument of a watcher: a request was recorded or ended, or everything was forgotten. */
export type RecorderChange = { type: 'recorded' | 'ended'; entry: Entry } | { type: 'reset' };

interface Waiter {
  events: number;
  requests: number;
  settle: (reached: boolean) => void;
}

/** Records and counts requests, with limits on the memory it uses. */
export class Recorder {
  #settings: Pick<Settings, 'record' | 'maxRecorded' | 'maxRecordedBytes'>;
  #entries: Entry[] = [];
  #oldest = 0; // Index of the oldest entry. Shifting an array of 200,000 for each request would be too slow.
  #kept = { events: 0, bytes: 0 };
  #counts = emptyCounts();
  #seen = new Set<string>();
  #waiters = new Set<Waiter>();
  #watchers = new Set<(change: RecorderChange) => void>();

  constructor(settings: Pick<Settings, 'record' | 'maxRecorded' | 'maxRecordedBytes'>) {
    this.#settings = settings;
  }

  /** Records a request whose behaviour has been chosen. `finish` completes the entry later. */
  add({ events, ...request }: NewEntry): Entry {
    const counts = this.#counts;
    const ids = events.flatMap((event) => (typeof event.messageId === 'string' ? [event.messageId] : []));
    counts.requests += 1;
    counts[request.accepted ? 'accepted' : 'refused'] += 1;
    if (request.accepted) {
      counts.events += request.eventCount;
      this.#countDuplicates(request.writeKey, ids);
    } else counts.refusedEvents += request.eventCount;
    const answer = String(request.status ?? request.behaviour);
    counts.statuses[answer] = (counts.statuses[answer] ?? 0) + 1;
    counts.biggestBatch = Math.max(counts.biggestBatch, request.eventCount);
    counts.biggestBody = Math.max(counts.biggestBody, request.plainBytes ?? request.bodyBytes);
    const { record } = this.#settings;
    const entry: Entry = {
      ...request,
      sequence: counts.requests,
      durationMs: null,
      state: 'open',
      messageIds: record === 'count' ? [] : ids,
      body: record === 'all' ? request.body : null,
      reply: null,
    };
    if (record !== 'count') this.#keep(entry);
    this.#notify({ type: 'recorded', entry });
    this.#wake();
    return entry;
  }

  /** Completes an entry when its reply or connection has ended. */
  finish(entry: Entry, state: RequestState): void {
    entry.state = state;
    entry.durationMs = performance.now() - entry.receivedMs;
    this.#notify({ type: 'ended', entry });
  }

  /** Calls `watcher` with each change. Returns a function that stops it. */
  watch(watcher: (change: RecorderChange) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Calls `listener` with each request when it ends. Returns a function that stops it. */
  subscribe(listener: (record: RequestRecord) => void): () => void {
    return this.watch((change) => {
      if (change.type === 'ended') listener(recordOf(change.entry));
    });
  }

  /** The records from sequence number `from` on: whole requests, with about `limit` events in all. */
  page(from: number, limit: number): Page {
    const first = this.#entries[this.#oldest]?.sequence ?? 1;
    const start = this.#oldest + Math.max(0, from - first);
    let events = 0;
    let end = start;
    while (end < this.#entries.length && events < limit) {
      events += Math.max(1, this.#entries[end]?.eventCount ?? 0);
      end += 1;
    }
    const next = end < this.#entries.length ? (this.#entries[end]?.sequence ?? null) : null;
    return { entries: this.#entries.slice(start, end), next };
  }

  /** The newest records, in order of arrival: whole requests, with about `limit` events in all. */
  latest(limit: number): Entry[] {
    let events = 0;
    let start = this.#entries.length;
    while (start > this.#oldest && events < limit) {
      start -= 1;
      events += Math.max(1, this.#entries[start]?.eventCount ?? 0);
    }
    return this.#entries.slice(start);
  }

  /** Resolves with true when this many have arrived, or with false after `timeoutMs`. */
  waitFor(goal: { events: number; requests: number }, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter: Waiter = { ...goal, settle };
      const timer = setTimeout(settle, timeoutMs, false);
      this.#waiters.add(waiter);
      this.#wake();
    });
  }

  /** The counters. */
  counts(): RecorderCounts {
    return structuredClone(this.#counts);
  }

  /** Forgets everything. Pending `waitFor` calls keep waiting. */
  reset(): void {
    this.#entries = [];
    this.#oldest = 0;
    this.#kept = { events: 0, bytes: 0 };
    this.#counts = emptyCounts();
    this.#seen.clear();
    this.#notify({ type: 'reset' });
  }

  #notify(change: RecorderChange): void {
    for (const watcher of this.#watchers) watcher(change);
  }

  #keep(entry: Entry): void {
    const { maxRecorded, maxRecordedBytes } = this.#settings;
    this.#entries.push(entry);
    this.#kept.events += Math.max(1, entry.eventCount);
    this.#kept.bytes += entry.body?.length ?? 0;
    while (this.#kept.events > maxRecorded || this.#kept.bytes > maxRecordedBytes) {
      const oldest = this.#entries[this.#oldest];
      if (oldest === undefined || oldest === entry) break; // The newest request is kept even if it exceeds the limits.
      this.#kept.events -= Math.max(1, oldest.eventCount);
      this.#kept.bytes -= oldest.body?.length ?? 0;
      oldest.body = null; // The entry itself is only dropped by the next splice, and the body is the big part.
      this.#oldest += 1;
      this.#counts.forgotten += 1;
    }
    if (this.#oldest > 1_000 && this.#oldest > this.#entries.length / 2) {
      this.#entries.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }

  #countDuplicates(writeKey: string | null, ids: string[]): void {
    for (const id of ids) {
      const key = `${writeKey}\n${id}`;
      if (this.#seen.has(key)) this.#counts.duplicates += 1;
      else this.#seen.add(key);
    }
    for (const key of this.#seen) {
      if (this.#seen.size <= this.#settings.maxRecorded) break;
      this.#seen.delete(key);
    }
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (this.#counts.events < waiter.events || this.#counts.requests < waiter.requests) continue;
      waiter.settle(true);
    }
  }
}

/** The record of an entry, with its events parsed. */
export function recordOf({ body, route, reply: _, ...entry }: Entry): RequestRecord {
  const events = body === null || route === null ? [] : parseBody(body, route).events;
  return { ...entry, events: events.filter((event) => event !== null) };
}

function emptyCounts(): RecorderCounts {
  return {
    requests: 0,
    accepted: 0,
    refused: 0,
    events: 0,
    refusedEvents: 0,
    duplicates: 0,
    statuses: {},
    biggestBatch: 0,
    biggestBody: 0,
    forgotten: 0,
  };
}
