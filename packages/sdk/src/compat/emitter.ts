// The emitter of the drop-in. Unlike that of node:events, `error` may have no listener.
import type { AnalyticsSettings } from './compat-settings.js';
import type { Context } from './event-context.js';
import type { SegmentEvent } from './event-params.js';

/** An event that was not delivered, or another problem. */
export interface EmittedError {
  /** `'delivery_failure'`, or the code of an `AnalyticsError` that concerns no single event. */
  readonly code: string;
  readonly reason?: unknown;
  readonly ctx?: Context;
}

/** The arguments of the listeners, by the name of the emitted event. */
export interface EmitterEvents {
  /** The API accepted an event of this type. */
  track: [ctx: Context];
  identify: [ctx: Context];
  page: [ctx: Context];
  screen: [ctx: Context];
  group: [ctx: Context];
  alias: [ctx: Context];
  error: [error: EmittedError];
  /** No event is pending any more. */
  drained: [];
  /** An event was tracked after `closeAndFlush()`, and is lost. */
  call_after_close: [event: SegmentEvent];
  register: [pluginNames: string[]];
  deregister: [pluginNames: string[]];
  initialize: [settings: AnalyticsSettings];
  http_request: [request: { url: string; method: string; headers: Record<string, string>; body: string }];
  http_response: [
    response: {
      status: number;
      statusText: string;
      url: string;
      body: string;
      headers: Record<string, string>;
    },
  ];
}

type Name = keyof EmitterEvents;
type Listener<E extends Name> = (...args: EmitterEvents[E]) => unknown;

export class Emitter {
  readonly #listeners = new Map<Name, Set<(...args: never[]) => unknown>>();

  on<E extends Name>(event: E, listener: Listener<E>): this {
    const known = this.#listeners.get(event);
    if (known === undefined) this.#listeners.set(event, new Set([listener]));
    else known.add(listener);
    return this;
  }

  once<E extends Name>(event: E, listener: Listener<E>): this {
    const once: Listener<E> = (...args) => {
      this.off(event, once);
      return listener(...args);
    };
    return this.on(event, once);
  }

  off<E extends Name>(event: E, listener: Listener<E>): this {
    this.#listeners.get(event)?.delete(listener);
    return this;
  }

  emit<E extends Name>(event: E, ...args: EmitterEvents[E]): this {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) Reflect.apply(listener, this, args);
    return this;
  }

  protected hasListeners(event: Name): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }
}
