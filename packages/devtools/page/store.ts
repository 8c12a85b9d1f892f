// What the page knows, kept up to date by the messages of the stream.
import type { LiveMessage, LiveRequest, LiveStatus } from '../src/live/live-message.js';
import { Rate } from './rate.js';
import { type EventRow, eventRow, type Received, type RequestRow, requestRow } from './row.js';

type Hello = Extract<LiveMessage, { type: 'hello' }>;

/** Rows over the number kept that may gather before the oldest go: each time, every list is searched anew. */
const SLACK = 1_000;

/** Everything the page knows. Lists are oldest first and grow at the end. */
export class Store {
  events: EventRow[] = [];
  requests: RequestRow[] = [];
  /** Goes up whenever the lists did not just grow. */
  epoch = 0;
  /** Goes up whenever the server's sequence numbers may have begun anew. */
  run = 0;
  hello: Hello | undefined;
  status: LiveStatus | undefined;
  isConnected = false;
  readonly rate = new Rate();
  #received: Received = new Map();
  #open = new Map<number, RequestRow>();
  #behindMs = 0;
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

  /** Calls `listener` after changes, at most once a frame. Gives a function that stops it. */
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
        this.#forget();
        break;
      case 'reset':
        this.#forget();
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

  /** Has the page shown anew at the next frame. */
  touch(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    requestAnimationFrame(() => {
      this.#isTelling = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Events in all requests, accepted or not, and requests: since the start or the last reset of the server. */
  totals(): { events: number; requests: number } {
    const counts = this.status?.counts;
    return {
      events: counts === undefined ? this.events.length : counts.events + counts.refusedEvents,
      requests: counts?.requests ?? this.requests.length,
    };
  }

  #add(live: LiveRequest): void {
    const request = requestRow(live);
    this.requests.push(request);
    this.#count(live);
    if (request.state === 'open') this.#open.set(request.sequence, request);
    for (const [index, text] of live.events.entries()) {
      this.events.push(eventRow(text, index, request, this.#received));
    }
    this.rate.add(request.receivedMs, request.eventCount, request.accepted);
    this.#trim();
  }

  /** Counts a request that the last counters do not have yet: what is shown is counted at once. */
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

  #forget(): void {
    this.events = [];
    this.requests = [];
    this.#received.clear();
    this.#open.clear();
    this.rate.clear();
    this.epoch += 1;
    this.run += 1;
  }
}
