// The public methods. In: the caller's events. Next: client.ts.

import { Client } from './client.js';
import type { SentEvent } from './errors.js';
import type {
  AliasEvent,
  AnyEvents,
  EventMap,
  GroupEvent,
  IdentifyEvent,
  PageEvent,
  ScreenEvent,
  TrackEvent,
} from './event/event.js';
import type { Callback } from './event/methods.js';
import { METHODS, type ScopedAnalytics } from './event/methods.js';
import type { ScopeSource } from './event/scope.js';
import type { FlushResult } from './flush/flush.js';
import type { Stats } from './report/counters.js';
import type { AnalyticsSettings } from './settings/analytics-settings.js';
import { checkTimeout } from './settings/checks.js';
import { resolveSettings } from './settings/settings.js';
import { injectedTransport } from './thread/injected-transport.js';

/**
 * A client of the Tracking API. Events are written as JSON at the call and handed to a worker thread, which all
 * clients of the process share; nothing else happens on the thread that calls.
 *
 * Each of the six event methods returns true, or false where the event was not accepted: the queue is full, the client
 * is closed, or the event cannot be written as JSON or is too large. Each throws a `ValidationError` for what the API
 * would not take, and takes a callback that is called once, with nothing where the API took the event or with an `AnalyticsError`.
 *
 * `new Analytics<{ 'Order Completed': { revenue: number } }>(…)` has the compiler check names and properties of tracked
 * events. Nothing of it is left when the program runs.
 */
export class Analytics<Events extends EventMap<Events> = AnyEvents> {
  readonly #client: Client;
  readonly #flushTimeout: number;

  /** @throws {ValidationError} `invalid_setting`, for a missing write key, a value out of range or an unknown name. */
  constructor(settings: AnalyticsSettings) {
    const resolved = resolveSettings(settings);
    this.#flushTimeout = resolved.flushTimeout;
    this.#client = new Client(resolved, this, injectedTransport(settings));
    // So that `const { track } = analytics` works.
    for (const method of METHODS) this[method] = this[method].bind(this) as never;
  }

  /** Ties a user to what is known about them. Source: https://segment.com/docs/connections/spec/identify/ */
  identify(event: IdentifyEvent, callback?: Callback): boolean {
    return this.#client.accept('identify', event, callback);
  }

  /** Records what a user did. Source: https://segment.com/docs/connections/spec/track/ */
  track(event: TrackEvent<Events>, callback?: Callback): boolean {
    return this.#client.accept('track', event, callback);
  }

  /** Records that a user saw a page. Source: https://segment.com/docs/connections/spec/page/ */
  page(event: PageEvent, callback?: Callback): boolean {
    return this.#client.accept('page', event, callback);
  }

  /** Records that a user saw a screen of an app. Source: https://segment.com/docs/connections/spec/screen/ */
  screen(event: ScreenEvent, callback?: Callback): boolean {
    return this.#client.accept('screen', event, callback);
  }

  /** Ties a user to a group. Source: https://segment.com/docs/connections/spec/group/ */
  group(event: GroupEvent, callback?: Callback): boolean {
    return this.#client.accept('group', event, callback);
  }

  /** Ties one id to another. Source: https://segment.com/docs/connections/spec/alias/ */
  alias(event: AliasEvent, callback?: Callback): boolean {
    return this.#client.accept('alias', event, callback);
  }

  /**
   * Calls `run` and returns what it returns. All events of this client that are tracked in it, and in what it starts,
   * across awaits and timers, inherit the fields. What an event says itself wins, `null` included; `context` and
   * `integrations` are merged key by key, no deeper. Scopes may be nested, the inner one wins. Events of `resend()`
   * inherit nothing. `run` is given this client, typed so that an event need not say who did it.
   *
   * @param fields or a function that is asked for them at each event, and answers at once; what it throws refuses the
   * event as `unserializable`.
   * @throws {ValidationError} `invalid_event`, for fields that no event can have, and whatever `run` throws.
   */
  withContext<T>(fields: ScopeSource, run: (analytics: ScopedAnalytics<Events>) => T): T {
    return this.#client.withContext(fields, run, this);
  }

  /**
   * Accepts the events of an error once more: `onError: (error) => save(error.events)`, and later
   * `analytics.resend(saved)`, also of another client, or of another process where they were saved as JSON. Each keeps
   * its `messageId`, by which the API knows what it has already, its `timestamp` and its `context.library`.
   *
   * Returns how many were accepted, from the first one on: `saved.slice(accepted)` is what the queue had no room for,
   * or all of it where the client is closed.
   *
   * @throws {ValidationError} `invalid_event`, for an event that is none, and then nothing was accepted.
   */
  resend(events: readonly SentEvent[]): number {
    return this.#client.resend(events);
  }

  /**
   * BLOCKS the thread until everything accepted before is settled. For scripts and for the end of a process; a server in
   * operation uses `flushAsync()`. Callbacks and `onError` of what settles have run when it returns.
   *
   * @param timeoutMs milliseconds it may take in all. Default: it goes on as long as events settle, and ends
   * `flushTimeout` after the last one.
   * @throws {ValidationError} `invalid_setting`, for a `timeoutMs` that is not a whole number of milliseconds.
   */
  flush(timeoutMs?: number): FlushResult {
    return this.#client.flush(timeoutMs === undefined ? undefined : checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /** The same as `flush()`, as a promise that never rejects. Holds the process open until then. */
  async flushAsync(timeoutMs?: number): Promise<FlushResult> {
    return this.#client.flushAsync(
      timeoutMs === undefined ? undefined : checkTimeout(timeoutMs, 'timeoutMs'),
    );
  }

  /**
   * With a `spool`: resolves when everything accepted before is on the disk, so that not even a loss of power takes it, or is
   * settled. Never rejects.
   *
   * - `'ok'`: it is.
   * - `'timeout'`: it wasn't within `timeoutMs` (default: `flushTimeout`).
   * - `'failed'`: the disk fails, see `onError`, or there is no `spool`.
   *
   * @throws {ValidationError} `invalid_setting`, for a `timeoutMs` that is not a whole number of milliseconds.
   */
  async stored(timeoutMs: number = this.#flushTimeout): Promise<'ok' | 'timeout' | 'failed'> {
    return this.#client.stored(checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /**
   * Refuses all further events, flushes for `timeoutMs` at most (default: `flushTimeout`), drops what is left, with
   * a report to `onError`, and lets go of the worker. A second call gives the result of the first.
   */
  async close(timeoutMs: number = this.#flushTimeout): Promise<FlushResult> {
    return this.#client.close(checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Counts since the client was made. */
  stats(): Stats {
    return this.#client.stats;
  }
}
