// The `Context` of an event, which callbacks, listeners and plugins receive. Used by analytics-node.ts and plugins.ts.
import { randomUUID } from 'node:crypto';
import { isPlainObject } from '../input/is-plain-object.js';
import type { SegmentEvent } from './event-params.js';

/** Called once per event. Without an error if the API accepted it. A promise is awaited by `flush()`. */
export type Callback = (error?: unknown, ctx?: Context) => unknown;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogMessage {
  readonly level: LogLevel;
  readonly message: string;
  readonly time: Date;
  readonly extras: object | undefined;
}

/** Thrown by `cancel()`: the event is not sent. */
export class ContextCancelation {
  readonly retry: boolean;
  readonly type: string;
  readonly reason: string;

  constructor(options: { retry?: boolean; type?: string; reason?: string } = {}) {
    this.retry = options.retry ?? true;
    this.type = options.type ?? 'plugin Error';
    this.reason = options.reason ?? '';
  }
}

/** An event and what happened to it. */
export class Context {
  event: SegmentEvent;
  /** Always 1: how often a request was repeated is not known per event. */
  attempts = 1;
  // Most contexts are never asked for these.
  #id: string | undefined;
  #logs: LogMessage[] | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(event: SegmentEvent, id?: string) {
    this.event = event;
    this.#id = id;
  }

  get id(): string {
    this.#id ??= randomUUID();
    return this.#id;
  }

  /** A context without an event of the user's, for `load()` of plugins. */
  static system(): Context {
    return new Context({ type: 'track', event: 'system' });
  }

  isSame(other: Context): boolean {
    return other.id === this.id;
  }

  /** Stops the event. Throws the error, or a `ContextCancelation`. */
  cancel(error?: Error | ContextCancelation): never {
    throw error ?? new ContextCancelation({ reason: 'Context Cancel' });
  }

  log(level: LogLevel, message: string, extras?: object): void {
    this.#logs ??= [];
    this.#logs.push({ level, message, time: new Date(), extras });
  }

  logs(): readonly LogMessage[] {
    return this.#logs ?? [];
  }

  /** Sets a value at a path like `'properties.price'`. An integration that is false stays so. */
  updateEvent(path: string, value: unknown): SegmentEvent {
    const names = path.split('.');
    const [first, second = ''] = names;
    if (first === 'integrations' && this.event.integrations?.[second] === false) return this.event;
    const last = names.pop() ?? '';
    let target: object = this.event;
    for (const name of names) {
      const next = copyOf(Object.hasOwn(target, name) ? Reflect.get(target, name) : undefined);
      define(target, name, next);
      target = next;
    }
    define(target, last, value);
    return this.event;
  }

  /** Why the event was not delivered. */
  failedDelivery(): { readonly reason: unknown } | undefined {
    return this.#failure;
  }

  setFailedDelivery(options: { readonly reason: unknown }): void {
    this.#failure = options;
  }

  toJSON(): object {
    return { id: this.id, event: this.event, logs: this.logs() };
  }
}

/** The fields of an event that the caller may use for other events too. */
const SHARED = ['context', 'integrations', 'properties', 'traits'] as const;

/** Copies these fields, because what a plugin changes in one event must not reach the others. */
export function unshare(event: SegmentEvent): void {
  for (const name of SHARED) if (event[name] !== undefined) event[name] = copyOf(event[name]);
}

/** A copy of a plain object or an array. An instance of a class stays what it is. Anything else gives `{}`. */
function copyOf(value: unknown): object {
  if (Array.isArray(value)) return [...value];
  if (isPlainObject(value)) return { ...value };
  return typeof value === 'object' && value !== null ? value : {};
}

/** Never a setter, so that a path of `__proto__` changes nothing but the event. */
function define(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}
