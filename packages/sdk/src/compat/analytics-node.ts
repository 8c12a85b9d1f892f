// The class `Analytics` of the drop-in. Next: segment-event.ts, plugin-list.ts, and ../analytics.ts, which does the work.
//
// An event is pending from the call until its callback, and what that returns, is over:
//
//   (plugins) -> native client -> outcome -> callback -> `track`, … or `error` is emitted -> `drained` if it was the last
import { STATUS_CODES } from 'node:http';
import { Analytics as Native } from '../analytics.js';
import type { AnalyticsError } from '../errors.js';
import { check, checkCallback } from '../event/validate.js';
import { after } from '../runtime/clock.js';
import { version } from '../version.js';
import { type AnalyticsSettings, timer, translate } from './compat-settings.js';
import { Emitter, type EmitterEvents } from './emitter.js';
import { type Callback, Context, unshare } from './event-context.js';
import type {
  AliasParams,
  CloseAndFlushParams,
  FlushParams,
  GroupParams,
  IdentifyParams,
  PageParams,
  SegmentEvent,
  TrackParams,
} from './event-params.js';
import { isDroppedAtCall, watchRequests } from './http-events.js';
import { PluginList } from './plugin-list.js';
import type { Plugin } from './plugins.js';
import { common, named, nativeEvent } from './segment-event.js';

/** Milliseconds of one flush of the native client. `flush()` repeats it until everything is settled. */
const FLUSH_SLICE_MS = 10_000;

/** Milliseconds between two of them, if the first one didn't finish. */
const FLUSH_PAUSE_MS = 1_000;

const METHODS = [
  'alias',
  'closeAndFlush',
  'deregister',
  'emit',
  'flush',
  'group',
  'identify',
  'off',
  'on',
  'once',
  'page',
  'register',
  'screen',
  'track',
] as const;

/** A client with the interface of @segment/analytics-node 3. */
export class Analytics extends Emitter {
  /**
   * The client that does the work. Use it for what analytics-node doesn't have, like `stats()` and `withContext()`, and
   * to migrate call by call. Events that are tracked with it pass no plugins and emit nothing.
   */
  readonly native: Native;
  /** Resolved from the start. */
  readonly ready: Promise<void> = Promise.resolve();
  readonly #endpoint: { readonly url: string; readonly writeKey: string };
  readonly #closeTimeout: number;
  readonly #plugins = new PluginList(this);
  /** Events that plugins have not passed on yet. */
  #withPlugins = 0;
  #pending = 0;
  #isClosed = false;
  #isFlushing = false;
  #isKicked = false;
  /** Events that the native client has, oldest first. */
  readonly #sent = new Set<Context>();
  #settled: Context[] = [];
  #stopWatching: (() => void) | undefined;

  /** @throws {ValidationError} `invalid_setting` */
  constructor(settings: AnalyticsSettings) {
    super();
    const { native, url, closeTimeout } = translate(settings);
    const { onError } = native;
    this.native = new Native({
      ...native,
      onError: (error) => {
        // Errors of single events reach their contexts.
        if (error.count === 0 || error.code === 'callback_failed') {
          this.#tell('error', { code: error.code, reason: error });
        }
        // Returned, because the native client handles a promise that rejects.
        return onError?.(error);
      },
    });
    this.#endpoint = { url, writeKey: native.writeKey };
    this.#closeTimeout = closeTimeout;
    for (const method of METHODS) this[method] = this[method].bind(this) as never;
  }

  get VERSION(): string {
    return version;
  }

  track(params: TrackParams, callback?: Callback): void {
    const event = common('track', params);
    event.event = params.event;
    event.properties = params.properties ?? {};
    this.#dispatch(event, callback);
  }

  identify(params: IdentifyParams, callback?: Callback): void {
    const event = common('identify', params);
    event.traits = params.traits ?? {};
    this.#dispatch(event, callback);
  }

  page(params: PageParams, callback?: Callback): void {
    const { name, category, properties } = params;
    const all = { ...properties, ...(category == null ? {} : { category }) };
    this.#dispatch({ ...common('page', params), ...named(name, category), properties: all }, callback);
  }

  screen(params: PageParams, callback?: Callback): void {
    const { name, category, properties } = params;
    const event = { ...common('screen', params), ...named(name, category), properties: { ...properties } };
    this.#dispatch(event, callback);
  }

  group(params: GroupParams, callback?: Callback): void {
    const { groupId, traits } = params;
    this.#dispatch({ ...common('group', params), groupId, traits: traits ?? {} }, callback);
  }

  alias(params: AliasParams, callback?: Callback): void {
    this.#dispatch({ ...common('alias', params), previousId: params.previousId }, callback);
  }

  /**
   * Waits until no event is pending, or for `timeout` milliseconds. A second call meanwhile does nothing but warn, as
   * with analytics-node.
   */
  async flush({ timeout, close = false }: FlushParams = {}): Promise<void> {
    if (this.#isFlushing) {
      console.warn('Overlapping flush calls detected: this one does nothing. Wait for the one before it.');
      return;
    }
    this.#isFlushing = true;
    if (close) this.#isClosed = true;
    try {
      const isDrained = await this.#drain(timeout);
      if (!close) return;
      await this.native.close(isDrained ? undefined : 0);
      this.#stopWatching?.();
    } finally {
      this.#isFlushing = false;
    }
  }

  /**
   * Accepts no further events, waits as `flush()` does, drops what is left, and releases the worker thread.
   *
   * @param params `timeout` in milliseconds. Default: 75,000, or 1.25 times a `flushInterval` of more than 60,000.
   */
  closeAndFlush({ timeout = this.#closeTimeout }: CloseAndFlushParams = {}): Promise<void> {
    return this.flush({ timeout, close: true });
  }

  /**
   * Adds plugins. Events that are tracked after this call pass through them. While a plugin has an event, it is in
   * memory only, and lost if the process ends.
   *
   * @throws {ValidationError} `invalid_setting`, as a rejection.
   */
  async register(...plugins: Plugin[]): Promise<void> {
    await this.#plugins.register(plugins);
    this.emit(
      'register',
      plugins.map(({ name }) => name),
    );
  }

  /** Removes plugins by name. */
  async deregister(...pluginNames: string[]): Promise<void> {
    await this.#plugins.deregister(pluginNames);
    this.emit('deregister', pluginNames);
  }

  override on<E extends keyof EmitterEvents>(
    event: E,
    listener: (...args: EmitterEvents[E]) => unknown,
  ): this {
    if (event === 'http_request' || event === 'http_response') this.#watch();
    return super.on(event, listener);
  }

  #watch(): void {
    // Nothing is requested with `disable`, and with `stub` of `native`.
    if (this.native.stats().mode !== 'live') return;
    const source = {
      pending: this.#sent,
      takeSettled: () => this.#settled.splice(0),
    };
    this.#stopWatching ??= watchRequests(this.native, this.#endpoint, source, {
      request: (request) => this.#tell('http_request', request),
      response: (response) => this.#tell('http_response', response),
    });
  }

  #dispatch(event: SegmentEvent, callback: Callback | undefined): void {
    if (this.#isClosed) {
      this.emit('call_after_close', event);
      return;
    }
    checkCallback(event.type, callback);
    const ctx = new Context(event);
    if (this.#plugins.isInUse) {
      // Mistakes throw at the call, also if plugins see the event first.
      check(event.type, nativeEvent(event));
      unshare(event);
      this.#pending++;
      this.#passThroughPlugins(ctx, callback);
      return;
    }
    this.#send(ctx, callback);
    this.#pending++;
  }

  #passThroughPlugins(ctx: Context, callback: Callback | undefined): void {
    this.#withPlugins++;
    const pass = (passed: Context): void => {
      this.#withPlugins--;
      try {
        this.#send(passed, callback);
      } catch (reason) {
        if (this.#isFlushing) void this.#kick();
        void Promise.resolve().then(() => this.#end(passed, reason, callback));
      }
    };
    const stop = (reason: unknown): void => {
      this.#withPlugins--;
      if (this.#isFlushing) void this.#kick();
      this.#end(ctx, reason, callback);
    };
    try {
      const result = this.#plugins.runBefore(ctx);
      // At once, if no plugin takes time: the event is then safe when the call returns.
      if (result instanceof Context) pass(result);
      else void result.then(pass, stop);
    } catch (reason) {
      // Later, because a callback never runs during the call.
      void Promise.resolve().then(() => stop(reason));
    }
  }

  /** @throws {ValidationError} `invalid_event` */
  #send(ctx: Context, callback: Callback | undefined): void {
    const { event } = ctx;
    const accepted = Reflect.apply(this.native[event.type], this.native, [
      nativeEvent(event),
      (error?: AnalyticsError) => this.#onOutcome(ctx, error, callback),
    ]);
    if (accepted) this.#sent.add(ctx);
    if (this.#isFlushing) void this.#kick();
  }

  #onOutcome(ctx: Context, error: AnalyticsError | undefined, callback: Callback | undefined): unknown {
    if (this.#sent.delete(ctx) && this.#stopWatching !== undefined && !isDroppedAtCall(error)) {
      this.#settled.push(ctx);
    }
    if (error !== undefined) return this.#end(ctx, reasonOf(error), callback);
    const last = this.#plugins.runAfter(ctx);
    if (last instanceof Context) return this.#end(last, undefined, callback);
    return last.then((passed) => this.#end(passed, undefined, callback));
  }

  /** Tells callback and listeners how the event ended. */
  #end(ctx: Context, reason: unknown, callback: Callback | undefined): unknown {
    if (reason !== undefined) ctx.setFailedDelivery({ reason });
    let returned: unknown;
    try {
      returned = reason === undefined ? callback?.(undefined, ctx) : callback?.(reason, ctx);
    } catch (cause) {
      this.#finish(ctx, reason, cause);
      return undefined;
    }
    if (typeof Object(returned).then !== 'function') {
      this.#finish(ctx, reason);
      return undefined;
    }
    return Promise.resolve(returned).then(
      () => this.#finish(ctx, reason),
      (cause) => this.#finish(ctx, reason, cause),
    );
  }

  #finish(ctx: Context, reason: unknown, callbackError?: unknown): void {
    if (callbackError !== undefined) {
      this.#tell('error', { code: 'callback_failed', reason: callbackError, ctx });
    }
    if (reason === undefined) this.#tell(ctx.event.type, ctx);
    else this.#tell('error', { code: 'delivery_failure', reason, ctx });
    this.#pending--;
    if (this.#pending === 0) this.#tell('drained');
  }

  /** Emits. As in analytics-node, a listener that throws disturbs nothing. */
  #tell<E extends keyof EmitterEvents>(event: E, ...args: EmitterEvents[E]): void {
    try {
      this.emit(event, ...args);
    } catch {}
  }

  /** Waits until nothing is pending. Returns false after `timeout` milliseconds. */
  async #drain(timeout: number | undefined): Promise<boolean> {
    if (this.#pending === 0) return true;
    void this.#kick();
    return new Promise((resolve) => {
      const end = (isDrained: boolean): void => {
        limit?.stop();
        this.off('drained', onDrained);
        resolve(isDrained);
      };
      const onDrained = (): void => end(true);
      const limit = timeout ? after(timer(timeout), () => end(false)) : undefined;
      limit?.hold();
      this.on('drained', onDrained);
    });
  }

  /** Has the native client send what it has, unless plugins will pass on more. */
  async #kick(): Promise<void> {
    if (this.#isKicked || this.#withPlugins > 0) return;
    this.#isKicked = true;
    while (this.#isFlushing && this.#sent.size > 0) {
      const { status } = await this.native.flushAsync(FLUSH_SLICE_MS);
      // If the API asks for a longer pause, a flush returns at once.
      if (status !== 'ok') await new Promise<void>((resolve) => after(FLUSH_PAUSE_MS, resolve).hold());
    }
    this.#isKicked = false;
  }
}

/** The error in the words of analytics-node. The original is its `cause`. */
function reasonOf(error: AnalyticsError): Error {
  const { status, code } = error;
  if (code === 'event_too_large')
    return new Error('Event exceeds maximum event size of 32 KB', { cause: error });
  if (status === undefined) return error;
  return new Error(`[${status}] ${STATUS_CODES[status] ?? error.message}`, { cause: error });
}
