// The public methods. Next: event-acceptor.ts for events, client.ts for everything else.

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
import type { EventAcceptor } from './event-acceptor.js';
import type { FlushResult } from './flush/flush.js';
import type { Stats } from './report/counters.js';
import type { AnalyticsSettings } from './settings/analytics-settings.js';
import { checkTimeout } from './settings/checks.js';
import { resolveSettings } from './settings/settings.js';
import { injectedTransport } from './thread/injected-transport.js';

/**
 * A client for the Tracking API. A call writes its event as JSON and hands it to a worker thread, which all clients of
 * the process share. Everything else happens on that thread.
 *
 * Each of the six event methods returns true if the event was accepted. It returns false if the queue is full, the
 * client is closed, or the event can't be written as JSON or is too large. It throws a `ValidationError` for an event
 * that the API would reject. The callback is called once: without arguments if the API accepted the event, otherwise
 * with an `AnalyticsError`.
 *
 * With `new Analytics<{ 'Order Completed': { revenue: number } }>(…)`, the compiler checks the names and properties of
 * tracked events. This has no effect at run time.
 */
export class Analytics<Events extends EventMap<Events> = AnyEvents> {
  readonly #client: Client;
  readonly #acceptor: EventAcceptor;
  readonly #flushTimeout: number;

  /**
   * @throws {ValidationError} `invalid_setting`, if the write key is missing, a value is out of range or a name is
   * unknown.
   */
  constructor(settings: AnalyticsSettings) {
    const resolved = resolveSettings(settings);
    this.#flushTimeout = resolved.flushTimeout;
    this.#client = new Client(resolved, this, injectedTransport(settings));
    this.#acceptor = this.#client.acceptor;
    // Makes `const { track } = analytics` work.
    for (const method of METHODS) this[method] = this[method].bind(this) as never;
  }

  /** Records traits of a user. Source: https://segment.com/docs/connections/spec/identify/ */
  identify(event: IdentifyEvent, callback?: Callback): boolean {
    return this.#acceptor.accept('identify', event, callback);
  }

  /** Records what a user did. Source: https://segment.com/docs/connections/spec/track/ */
  track(event: TrackEvent<Events>, callback?: Callback): boolean {
    return this.#acceptor.accept('track', event, callback);
  }

  /** Records that a user saw a page. Source: https://segment.com/docs/connections/spec/page/ */
  page(event: PageEvent, callback?: Callback): boolean {
    return this.#acceptor.accept('page', event, callback);
  }

  /** Records that a user saw a screen of an app. Source: https://segment.com/docs/connections/spec/screen/ */
  screen(event: ScreenEvent, callback?: Callback): boolean {
    return this.#acceptor.accept('screen', event, callback);
  }

  /** Associates a user with a group. Source: https://segment.com/docs/connections/spec/group/ */
  group(event: GroupEvent, callback?: Callback): boolean {
    return this.#acceptor.accept('group', event, callback);
  }

  /** Associates one id with another. Source: https://segment.com/docs/connections/spec/alias/ */
  alias(event: AliasEvent, callback?: Callback): boolean {
    return this.#acceptor.accept('alias', event, callback);
  }

  /**
   * Calls `run` and returns its result. Events of this client that are tracked inside it, or in anything it starts,
   * inherit the fields, also across awaits. Fields of the event itself take precedence, even if they are `null`.
   * `context` and `integrations` are merged by key, one level deep. Scopes can be nested; the inner one takes
   * precedence. Events passed to `resend()` inherit nothing. `run` receives this client, typed so that events don't
   * require a user id.
   *
   * @param fields or a synchronous function that returns them, which is called for each event. If it throws, the event
   * is refused as `unserializable`.
   * @throws {ValidationError} `invalid_event`, if no event can have these fields. Also throws whatever `run` throws.
   */
  withContext<T>(fields: ScopeSource, run: (analytics: ScopedAnalytics<Events>) => T): T {
    return this.#acceptor.withContext(fields, run, this);
  }

  /**
   * Accepts the events of an error again: `onError: (error) => save(error.events)`, and later
   * `analytics.resend(saved)`. Another client can resend them, and so can another process if they were saved as JSON.
   * Each event keeps its `timestamp`, its `context.library`, and its `messageId`, by which the API recognizes
   * duplicates.
   *
   * Returns the number of events accepted, in order. `saved.slice(accepted)` are the events that didn't fit into the
   * queue, or all events if the client is closed.
   *
   * @throws {ValidationError} `invalid_event`, if one of them isn't a valid event. No event is accepted then.
   */
  resend(events: readonly SentEvent[]): number {
    return this.#acceptor.resend(events);
  }

  /**
   * BLOCKS the thread until all events accepted before the call are settled. For scripts and for the end of a process.
   * A running server uses `flushAsync()`. When it returns, the callbacks and `onError` of these events have run.
   *
   * @param timeoutMs total milliseconds. Default: continues while events settle, until `flushTimeout` has passed since
   * the last one.
   * @throws {ValidationError} `invalid_setting`, if `timeoutMs` isn't a whole number of milliseconds.
   */
  flush(timeoutMs?: number): FlushResult {
    return this.#client.flush(timeoutMs === undefined ? undefined : checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /** Like `flush()`, but returns a promise that never rejects. Keeps the process running until it resolves. */
  async flushAsync(timeoutMs?: number): Promise<FlushResult> {
    return this.#client.flushAsync(
      timeoutMs === undefined ? undefined : checkTimeout(timeoutMs, 'timeoutMs'),
    );
  }

  /**
   * With a `spool`: resolves when all events accepted before the call are settled or on disk, where they survive a loss
   * of power. Never rejects.
   *
   * - `'ok'`: they are.
   * - `'timeout'`: they weren't within `timeoutMs` (default: `flushTimeout`).
   * - `'failed'`: the disk fails, see `onError`, or there is no `spool`.
   *
   * @throws {ValidationError} `invalid_setting`, if `timeoutMs` isn't a whole number of milliseconds.
   */
  async stored(timeoutMs: number = this.#flushTimeout): Promise<'ok' | 'timeout' | 'failed'> {
    return this.#client.stored(checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /**
   * Refuses all further events, flushes for at most `timeoutMs` (default: `flushTimeout`), drops the remaining events,
   * which `onError` reports, and releases the worker. A second call returns the result of the first.
   */
  async close(timeoutMs: number = this.#flushTimeout): Promise<FlushResult> {
    return this.#client.close(checkTimeout(timeoutMs, 'timeoutMs'));
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Counts since the client was created. */
  stats(): Stats {
    return this.#client.stats;
  }
}
