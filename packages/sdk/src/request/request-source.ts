// The ids and the context of a request, each read when it is needed. Used by request-analytics.ts, request-binder.ts and
// fastify/index.ts.
import { ValidationError } from '../errors.js';
import { withoutForeign } from '../event/event-fields.js';
import type { Ids } from '../event/methods.js';
import type { ScopeFields } from '../event/scope.js';
import { merge } from '../input/fields.js';
import { isPromise } from '../input/promises.js';
import { contextOf } from './context.js';
import type { RequestFields } from './request-fields.js';

/** Functions of the user's that read data of a request. */
export interface RequestReaders<Request> {
  /**
   * Returns the ids of the user who makes the request, as far as they are known. Called for each event, because the
   * user may log in between two events. Must be synchronous: if you need a query, make it in a hook. An exception is
   * reported to `onError`.
   */
  readonly identify?: ((request: Request) => Ids | null | undefined) | undefined;
  /** Returns more fields for `context`, which take precedence. Called once per request. Must be synchronous. */
  readonly context?: ((request: Request) => object | null | undefined) | undefined;
}

/**
 * Returns the two functions alone.
 *
 * @throws {ValidationError} `invalid_setting`, if one of them isn't a function.
 */
export function checkReaders<Request>(given: RequestReaders<Request>): RequestReaders<Request> {
  const { identify, context } = given;
  for (const [name, reader] of Object.entries({ identify, context })) {
    if (reader === undefined || typeof reader === 'function') continue;
    throw new ValidationError('invalid_setting', `Option '${name}' must be a function`, reader);
  }
  return { identify, context };
}

/** What a client adds to the events of one request. */
export interface EventSource {
  /** Whether there is a reader of ids. */
  readonly identifies: boolean;
  readonly ids: Ids;
  readonly context: object;
}

export class RequestSource<Request> implements EventSource {
  readonly #request: Request;
  readonly #readers: RequestReaders<Request>;
  readonly #read: (request: Request) => RequestFields;
  #context: object | undefined;

  constructor(request: Request, readers: RequestReaders<Request>, read: (request: Request) => RequestFields) {
    this.#request = request;
    this.#readers = readers;
    this.#read = read;
  }

  /**
   * The context of the request, with the fields that the reader `context` returns.
   *
   * @throws {ValidationError} `invalid_event`, if the reader returns a promise.
   */
  get context(): object {
    this.#context ??= this.#readContext();
    return this.#context;
  }

  get identifies(): boolean {
    return this.#readers.identify !== undefined;
  }

  /** @throws {ValidationError} `invalid_event`, if the reader `identify` returns a promise. */
  get ids(): Ids {
    const known = this.#readers.identify?.(this.#request);
    if (isPromise(known)) {
      throw new ValidationError('invalid_event', 'identify must return ids synchronously; got a Promise');
    }
    return withoutForeign(known ?? {});
  }

  /** All fields, for a scope. An unknown id is null, so that it is not inherited from an outer scope. */
  readonly fields = (): ScopeFields => {
    const { userId = null, anonymousId = null } = this.ids;
    return { userId, anonymousId, context: this.context };
  };

  #readContext(): object {
    const own = contextOf(this.#read(this.#request));
    const more = this.#readers.context?.(this.#request);
    if (isPromise(more)) {
      throw new ValidationError('invalid_event', 'context must return fields synchronously; got a Promise');
    }
    return more == null ? own : merge('context', own, more);
  }
}
