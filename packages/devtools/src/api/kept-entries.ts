// The newest entries, within limits on their number and their memory. Used by recorder.ts.
import type { Entry } from './entry.js';
import type { Settings } from './options.js';

/** Some records, and where the next page starts. */
export interface Page {
  entries: Entry[];
  next: number | null;
}

export class KeptEntries {
  readonly #limits: Pick<Settings, 'maxRecorded' | 'maxRecordedBytes'>;
  #entries: Entry[] = [];
  #oldest = 0; // Index of the oldest entry. Shifting an array of 200,000 for each request would be too slow.
  #kept = { events: 0, bytes: 0 };

  constructor(limits: Pick<Settings, 'maxRecorded' | 'maxRecordedBytes'>) {
    this.#limits = limits;
  }

  /** Keeps an entry, and drops the oldest ones if a limit is exceeded. Returns the number dropped. */
  add(entry: Entry): number {
    const { maxRecorded, maxRecordedBytes } = this.#limits;
    let dropped = 0;
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
      dropped += 1;
    }
    if (this.#oldest > 1_000 && this.#oldest > this.#entries.length / 2) {
      this.#entries.splice(0, this.#oldest);
      this.#oldest = 0;
    }
    return dropped;
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

  clear(): void {
    this.#entries = [];
    this.#oldest = 0;
    this.#kept = { events: 0, bytes: 0 };
  }
}
