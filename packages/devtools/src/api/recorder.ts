// Records and counts requests, with limits on the memory it uses. Next: kept-entries.ts.
import { randomUUID } from 'node:crypto';
import { type Entry, type NewEntry, recordOf } from './entry.js';
import { KeptEntries, type Page } from './kept-entries.js';
import type { Settings } from './options.js';
import type { Counts, RequestRecord, RequestState } from './request-record.js';

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
  #kept: KeptEntries;
  #counts = emptyCounts();
  #seen = new Set<string>();
  #waiters = new Set<Waiter>();
  #watchers = new Set<(change: RecorderChange) => void>();
  #run = randomUUID();

  constructor(settings: Pick<Settings, 'record' | 'maxRecorded' | 'maxRecordedBytes'>) {
    this.#settings = settings;
    this.#kept = new KeptEntries(settings);
  }

  /** Changes when everything is forgotten, because sequence numbers then start again. */
  get run(): string {
    return this.#run;
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
    if (record !== 'count') counts.forgotten += this.#kept.add(entry);
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
    return this.#kept.page(from, limit);
  }

  /** The newest records, in order of arrival: whole requests, with about `limit` events in all. */
  latest(limit: number): Entry[] {
    return this.#kept.latest(limit);
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
    this.#kept.clear();
    this.#counts = emptyCounts();
    this.#seen.clear();
    this.#run = randomUUID();
    this.#notify({ type: 'reset' });
  }

  #notify(change: RecorderChange): void {
    for (const watcher of this.#watchers) watcher(change);
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
