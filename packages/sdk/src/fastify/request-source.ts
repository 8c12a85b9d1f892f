// A request -> who makes it and where, each found out when it is needed. Used by request-analytics.ts and index.ts.
import type { FastifyRequest } from 'fastify';
import { ValidationError } from '../errors.js';
import { type Identity, withoutForeign } from '../event/event.js';
import type { Ids, ScopeFields } from '../event/scope.js';
import { merge } from '../input/fields.js';
import { isPromise } from '../input/promises.js';
import { contextOf } from './context.js';

/** What of a request only the user of the plugin can read. */
export interface RequestReaders {
  /**
   * Who makes the request; nothing, where that is not known. Asked at each event, because a login may come between two,
   * and answers at once: what takes a query is found out by a hook. What it throws is reported to `onError`.
   */
  readonly identify?: ((request: FastifyRequest) => Identity | null | undefined) | undefined;
  /** What else goes into `context`. Its fields win. Asked at the first event of a request; answers at once. */
  readonly context?: ((request: FastifyRequest) => object | null | undefined) | undefined;
}

export class RequestSource {
  readonly #request: FastifyRequest;
  readonly #readers: RequestReaders;
  #context: object | undefined;

  constructor(request: FastifyRequest, readers: RequestReaders) {
    this.#request = request;
    this.#readers = readers;
  }

  /**
   * What the request says of itself, and the reader of it.
   *
   * @throws {ValidationError} `invalid_event`, if the reader doesn't answer at once.
   */
  get context(): object {
    this.#context ??= this.#readContext();
    return this.#context;
  }

  /** @throws {ValidationError} `invalid_event`, if the reader doesn't answer at once. */
  get ids(): Ids {
    const known = this.#readers.identify?.(this.#request);
    if (isPromise(known)) {
      throw new ValidationError('invalid_event', 'identify must return ids at once; got a Promise');
    }
    return withoutForeign(known ?? {});
  }

  /** All of it, for events that inherit it. Null, where nobody is known: nobody further out makes this request. */
  readonly fields = (): ScopeFields => {
    const { userId = null, anonymousId = null } = this.ids;
    return { userId, anonymousId, context: this.context };
  };

  #readContext(): object {
    const own = contextOf(this.#request);
    const more = this.#readers.context?.(this.#request);
    if (isPromise(more)) {
      throw new ValidationError('invalid_event', 'context must return fields at once; got a Promise');
    }
    return more == null ? own : merge('context', own, more);
  }
}
