// A client that records everything it accepts and reports, so that a test can check it at any time.
import {
  Analytics,
  type AnalyticsError,
  type AnalyticsSettings,
  type ErrorCode,
  type FlushResult,
  type SentEvent,
  ValidationError,
} from '@offthread/sdk';
import { expect } from 'vitest';
import { call } from './untyped.js';
import { expectBalanced } from './with-api.js';

/** The kinds of events to track. */
export const KINDS = [
  'ordinary',
  'named',
  'exact',
  'without callback',
  'too large',
  'poisonous',
  'deadly',
  'with a callback that throws',
  'with a callback that tracks',
  'with a callback that tracks on another client',
  'poisonous, with an onError that tracks on another client',
  'with a callback that flushes',
  'with a getter that throws',
  'with a cycle',
  'without a user',
] as const;

export type Kind = (typeof KINDS)[number];

/** The record of an event, which is identified by its `properties.key`. */
export interface Entry {
  readonly key: string;
  readonly kind: Kind;
  /** How often it was accepted: more than once if it was sent again. */
  acceptances: number;
  /** Codes of the errors that report its loss. */
  readonly losses: ErrorCode[];
  /** Errors passed to its callback; `undefined` for a delivered event. */
  readonly endings: (ErrorCode | undefined)[];
}

/** Codes of errors about events that were never accepted, or about no event. */
const NO_LOSS: readonly ErrorCode[] = ['queue_full', 'unserializable', 'callback_failed'];

/** Extra time of a flush beyond its timeout: callbacks may flush too, and the machine may be busy. */
const SLACK_MS = 10_000;

let made = 0;

export class Subject {
  readonly analytics: Analytics;
  /** By key, in the order of acceptance. */
  readonly entries = new Map<string, Entry>();
  isClosed = false;
  /** Another client that some callbacks track on. */
  neighbour: Subject | undefined;
  readonly #maxQueueSize: number;
  /** Whether the worker reports events that are too large, after the call. */
  readonly #redacts: boolean;
  readonly #refused: Partial<Record<ErrorCode, number>> = {};
  readonly #lost: SentEvent[] = [];
  /** Calls in progress. */
  readonly #running: Promise<unknown>[] = [];
  /** Keys of refused events whose callback hasn't been called yet. */
  readonly #uncalled = new Set<string>();
  /** Problems in code that can't fail the test directly. */
  readonly #faults: unknown[] = [];
  #closing: Promise<FlushResult> | undefined;
  /** Whether a callback is running. */
  #inCallback = false;

  constructor(settings: AnalyticsSettings & { readonly maxQueueSize: number }) {
    this.#maxQueueSize = settings.maxQueueSize;
    this.#redacts = settings.redact !== undefined;
    this.analytics = new Analytics({ ...settings, onError: (error) => this.#note(error) });
  }

  /** Tracks an event of that kind, and checks that it is accepted or refused as expected. */
  track(kind: Kind): void {
    const key = `${kind} ${++made}`;
    const entry: Entry = { key, kind, acceptances: 0, losses: [], endings: [] };
    const before = this.analytics.stats();
    const refusal = this.#refusal(kind, before.pending);
    const callback = kind === 'without callback' ? [] : [(error?: AnalyticsError) => this.#end(entry, error)];
    if (kind === 'without a user' && refusal !== 'closed') {
      const act = (): unknown => call(this.analytics, 'track', eventOf(kind, key), ...callback);
      expect(act).toThrow(ValidationError);
      // What main counts. Requests are counted by the worker, which keeps running.
      const { accepted, delivered, failed, dropped, refused, pending } = before;
      const counts = { accepted, delivered, failed, dropped, refused, pending };
      expect(this.analytics.stats()).toMatchObject(counts);
      expect(this.analytics.stats().refused).toEqual(refused);
      return;
    }
    // Recorded before the call, which calls back at once if the thread can't be started.
    this.entries.set(key, entry);
    const taken = call(this.analytics, 'track', eventOf(kind, key), ...callback);
    expect(taken, `${key}: ${refusal ?? 'accepted'}`).toBe(refusal === undefined);
    if (refusal === undefined) entry.acceptances++;
    else {
      this.entries.delete(key);
      this.#refused[refusal] = (this.#refused[refusal] ?? 0) + 1;
      if (callback.length > 0) this.#uncalled.add(key);
    }
    this.look();
  }

  /** Sends lost events again. */
  resend(): void {
    const events = this.#lost.splice(0);
    const room = this.#maxQueueSize - this.analytics.stats().pending;
    const accepted = this.analytics.resend(events);
    expect(accepted).toBe(this.isClosed ? 0 : Math.min(events.length, room));
    if (accepted < events.length && !this.isClosed) {
      this.#refused.queue_full = (this.#refused.queue_full ?? 0) + 1;
    }
    for (const event of events.slice(0, accepted)) this.#entry(event).acceptances++;
    this.#lost.push(...events.slice(accepted));
    this.look();
  }

  flush(timeout: number): void {
    // Within a callback, the rest of its batch is still to come.
    const before = this.#inCallback ? [] : this.#waiting();
    this.#check(this.analytics.flush(timeout), before, timeout);
  }

  flushAsync(timeout: number): void {
    const before = this.#waiting();
    this.#run(this.analytics.flushAsync(timeout).then((result) => this.#check(result, before, timeout)));
  }

  /** Closes it. Nothing happens after the last call. */
  async close(timeout: number): Promise<FlushResult> {
    // Before the call, which may call back.
    this.isClosed = true;
    const closing = this.analytics.close(timeout);
    this.#closing ??= closing;
    expect(await closing).toBe(await this.#closing);
    this.look();
    return closing;
  }

  /** Starts to close it without waiting. */
  beginClose(timeout: number): void {
    this.#run(this.close(timeout));
  }

  /** Checks what must hold at any time. */
  look(): void {
    const stats = this.analytics.stats();
    expectBalanced(stats);
    expect(stats.refused).toEqual(this.#refused);
    const entries = [...this.entries.values()];
    expect(stats.accepted).toBe(entries.reduce((sum, { acceptances }) => sum + acceptances, 0));
  }

  /** Checks what must hold when it is closed. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    expect(this.#faults).toEqual([]);
    expect([...this.#uncalled]).toEqual([]);
    const { accepted, pending, failed, dropped } = this.analytics.stats();
    const entries = [...this.entries.values()];
    expect(pending).toBe(0);
    const losses = entries.flatMap((entry) => entry.losses);
    expect(losses).toHaveLength(Object.values(dropped).reduce((sum, count) => sum + count, failed));
    expect(accepted).toBe(entries.reduce((sum, { acceptances }) => sum + acceptances, 0));
    for (const { key, kind, acceptances, losses, endings } of entries) {
      expect(losses.length, `${key} was lost more often than accepted`).toBeLessThanOrEqual(acceptances);
      // The first acceptance had the callback. An event that is sent again was lost before.
      const [first] = losses;
      const expected = kind === 'without callback' ? [] : [first];
      expect(endings, `callback of ${key}`).toEqual(expected);
    }
  }

  #refusal(kind: Kind, pending: number): ErrorCode | undefined {
    if (this.isClosed) return 'closed';
    if (kind === 'without a user') return 'invalid_event';
    if (pending >= this.#maxQueueSize) return 'queue_full';
    if (kind === 'too large' && !this.#redacts) return 'event_too_large';
    return kind === 'with a getter that throws' || kind === 'with a cycle' ? 'unserializable' : undefined;
  }

  #end(entry: Entry, error: AnalyticsError | undefined): void {
    if (this.#uncalled.delete(entry.key)) {
      if (error === undefined) this.#faults.push(`${entry.key} was refused, but its callback got no error`);
      return;
    }
    entry.endings.push(error?.code);
    const outer = this.#inCallback;
    this.#inCallback = true;
    this.#keep(() => {
      expectBalanced(this.analytics.stats());
      if (entry.kind === 'with a callback that tracks') this.track('ordinary');
      if (entry.kind === 'with a callback that tracks on another client') this.neighbour?.track('ordinary');
      if (entry.kind === 'with a callback that flushes') this.flush(20);
    });
    this.#inCallback = outer;
    if (entry.kind === 'with a callback that throws') throw new Error('thrown in a callback');
  }

  #note({ code, events, count, cause }: AnalyticsError): void {
    this.#keep(() => {
      if (code === 'callback_failed') expect(String(cause)).toBe('Error: thrown in a callback');
      if (code === 'event_too_large' && !this.#redacts) return;
      if (NO_LOSS.includes(code) || (code === 'closed' && !this.#has(events[0]))) return;
      expect(events).toHaveLength(count);
      for (const event of events) {
        this.#entry(event).losses.push(code);
        this.#lost.push(event);
      }
      for (const event of events) {
        const { kind } = this.#entry(event);
        if (kind === 'poisonous, with an onError that tracks on another client')
          this.neighbour?.track('ordinary');
      }
    });
  }

  #waiting(): Entry[] {
    return [...this.entries.values()].filter(
      ({ acceptances, losses, endings, kind }) =>
        kind !== 'without callback' && acceptances === 1 && losses.length + endings.length === 0,
    );
  }

  #check({ status, pending, elapsedMs }: FlushResult, before: readonly Entry[], timeout: number): void {
    expect(elapsedMs).toBeLessThan(timeout + SLACK_MS);
    if (status === 'ok') expect(pending).toBe(0);
    if (status === 'timeout') expect(pending).toBeGreaterThan(0);
    if (pending === 0) for (const { key, endings } of before) expect(endings, key).toHaveLength(1);
    this.look();
  }

  #run(promise: Promise<unknown>): void {
    this.#running.push(promise.catch((fault: unknown) => this.#faults.push(fault)));
  }

  /** Runs `act`. The SDK swallows what callbacks throw, so errors are recorded. */
  #keep(act: () => void): void {
    try {
      act();
    } catch (fault) {
      this.#faults.push(fault);
    }
  }

  #has(event: SentEvent | undefined): boolean {
    return event !== undefined && this.entries.has(keyOf(event));
  }

  #entry(event: SentEvent): Entry {
    const entry = this.entries.get(keyOf(event));
    if (entry === undefined) throw new Error(`an event that was never tracked: ${JSON.stringify(event)}`);
    return entry;
  }
}

/** The key of an event as sent. */
export function keyOf(event: Readonly<Record<string, unknown>>): string {
  return String(Object(event['properties']).key);
}

function eventOf(kind: Kind, key: string): object {
  const event = { userId: 'u', event: 'Done', properties: { key } };
  const { properties } = event;
  switch (kind) {
    case 'named':
      return { ...event, messageId: key };
    case 'exact':
      return { ...event, properties: { ...properties, big: 2n ** 80n } };
    case 'too large':
      return { ...event, properties: { ...properties, filler: 'x'.repeat(40_000) } };
    case 'poisonous':
    case 'poisonous, with an onError that tracks on another client':
      return { ...event, event: 'Poison' };
    case 'with a getter that throws':
      Object.defineProperty(properties, 'x', { get: () => event.event.repeat(-1), enumerable: true });
      return event;
    case 'with a cycle':
      Object.assign(properties, { properties, big: 1n });
      return event;
    case 'without a user':
      return { event: 'Done', properties };
    default:
      return event;
  }
}
