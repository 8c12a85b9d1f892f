// The state of the page, updated by the messages of the stream.
import type { LiveMessage, LiveRequest, LiveStatus } from '../src/live/live-message.js';
import { Rate } from './rate.js';
import { type EventRow, eventRow, type Received, type RequestRow, requestRow } from './row.js';

type Hello = Extract<LiveMessage, { type: 'hello' }>;

/** Number of extra rows before the oldest are removed, because each removal searches every list again. */
const SLACK = 1_000;

/** The state of the page. Lists are oldest first; new items are added at the end. */
export class Store {
  events: EventRow[] = [];
  requests: RequestRow[] = [];
  /** Incremented whenever the lists changed other than by new items at the end. */
  epoch = 0;
  /** Incremented whenever the server's sequence numbers have restarted. */
  run = 0;
  hello: Hello | undefined;
  status: LiveStatus | undefined;
  isConnected = false;
  readonly rate = new Rate();
  #received: Received = new Map();
  #open = new Map<number, RequestRow>();
  #behindMs = 0;
  /** The server's `run`, as of the last message that contained it. */
  #serverRun: string | undefined;
  #listeners = new Set<() => void>();
  #isTelling = false;

  /** Sequence number of the newest request. */
  get last(): number {
    return this.requests.at(-1)?.sequence ?? 0;
  }

  /** The server's time. */
  now(): number {
    return Date.now() + this.#behindMs;
  }

  /** Calls `listener` after changes, at most once per frame. Returns a function that removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connected(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.touch();
  }

  apply(message: LiveMessage): void {
    switch (message.type) {
      case 'hello':
        this.hello = message;
        this.#behindMs = message.now - Date.now();
        this.#forget(message.run);
        break;
      case 'reset':
        this.#forget(message.run);
        break;
      case 'status':
        this.status = message.status;
        break;
      case 'request':
        this.#add(message.request);
        break;
      case 'ended': {
        const request = this.#open.get(message.end.sequence);
        if (request !== undefined) Object.assign(request, message.end);
        this.#open.delete(message.end.sequence);
        break;
      }
      default:
        message satisfies never;
    }
    this.touch();
  }

  /** Schedules a rerender for the next frame. */
  touch(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    requestAnimationFrame(() => {
      this.#isTelling = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /**
   * Number of events in all requests, accepted or not, and number of requests, since the start or the last reset of the
   * server.
   */
  totals(): { events: number; requests: number } {
    const counts = this.status?.counts;
    return {
      events: counts === undefined ? this.events.length : counts.events + counts.refusedEvents,
      requests: counts?.requests ?? this.requests.length,
    };
  }

  #add(live: LiveRequest): void {
    const request = requestRow(live, this.run);
    this.requests.push(request);
    this.#count(live);
    if (request.state === 'open') this.#open.set(request.sequence, request);
    for (const [index, text] of live.events.entries()) {
      this.events.push(eventRow(text, index, request, this.#received));
    }
    this.rate.add(request.receivedMs, request.eventCount, request.accepted);
    this.#trim();
  }

  /** Counts a request that isn't in the last counters yet, because everything that is shown is counted at once. */
  #count({ sequence, accepted, eventCount, plainBytes, bodyBytes }: LiveRequest): void {
    const counts = this.status?.counts;
    if (counts === undefined || sequence <= counts.requests) return;
    counts.requests = sequence;
    counts[accepted ? 'accepted' : 'refused'] += 1;
    counts[accepted ? 'events' : 'refusedEvents'] += eventCount;
    counts.biggestBatch = Math.max(counts.biggestBatch, eventCount);
    counts.biggestBody = Math.max(counts.biggestBody, plainBytes ?? bodyBytes);
  }

  #trim(): void {
    const kept = this.hello?.kept ?? 0;
    if (this.events.length > kept + SLACK) {
      for (const row of this.events.splice(0, this.events.length - kept)) {
        if (row.messageId !== null && this.#received.get(row.messageId) === row) {
          this.#received.delete(row.messageId);
        }
      }
      this.epoch += 1;
    }
    if (this.requests.length > kept + SLACK) {
      this.requests.splice(0, this.requests.length - kept);
      this.epoch += 1;
    }
  }

  /** After a reconnection, all requests come again. */
  #forget(run: string): void {
    this.events = [];
    this.requests = [];
    this.#received.clear();
    this.#open.clear();
    this.rate.clear();
    this.epoch += 1;
    if (run !== this.#serverRun) this.run += 1;
    this.#serverRun = run;
  }
}
