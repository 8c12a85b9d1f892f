// Adds the methods of a client to the requests of a framework. Used by ../frameworks/. Next: request-source.ts.
import type { Analytics } from '../analytics.js';
import { show, ValidationError } from '../errors.js';
import type { AnyEvents, EventMap } from '../event/event.js';
import { plainFields } from '../input/fields.js';
import { suggest } from '../input/suggest.js';
import { type RequestAnalytics, requestAnalytics } from './request-analytics.js';
import type { RequestFields } from './request-fields.js';
import { checkReaders, type RequestReaders, RequestSource } from './request-source.js';

/** How requests are read, and what they get. */
export interface RequestOptions<Request> extends RequestReaders<Request> {
  /** Name under which the request has the six methods. Change it for a second client. Default: `'analytics'`. */
  readonly decorateAs?: string | undefined;
  /**
   * Lets all events of the client that are tracked while a request is handled, wherever in the code, inherit the ids
   * and the context of the request, like `withContext()` of the client. For an event of the request's own methods,
   * `identify` is then called twice. Default: false.
   */
  readonly withContext?: boolean | undefined;
}

const OPTIONS: readonly (keyof RequestOptions<unknown>)[] = [
  'identify',
  'context',
  'decorateAs',
  'withContext',
];

/** A request with the methods of a client. */
export interface BoundRequest<Events extends EventMap<Events>> {
  readonly analytics: RequestAnalytics<Events>;
  /** Calls the rest of the framework's handlers, within the scope of the request if `withContext` is set. */
  readonly run: <T>(next: () => T) => T;
}

export class RequestBinder<Request, Events extends EventMap<Events> = AnyEvents> {
  readonly decorateAs: string;
  readonly #client: Analytics<Events>;
  readonly #readers: RequestReaders<Request>;
  readonly #read: (request: Request) => RequestFields;
  readonly #hasScope: boolean;

  /**
   * @param caller the function of the entry, for messages.
   * @throws {ValidationError} `invalid_setting`
   */
  constructor(
    caller: string,
    client: Analytics<Events>,
    given: RequestOptions<Request>,
    read: (request: Request) => RequestFields,
  ) {
    if (typeof Object(client).withContext !== 'function') {
      throw new ValidationError('invalid_setting', `${caller}() takes a client first, then options`, client);
    }
    const options = plainFields(given, OPTIONS);
    for (const name of Object.keys(options)) {
      if (OPTIONS.some((each) => each === name)) continue;
      const hint = suggest(name, OPTIONS);
      throw new ValidationError('invalid_setting', `${caller}() has no option ${show(name)}${hint}`);
    }
    const { decorateAs = 'analytics', withContext = false } = options;
    if (typeof decorateAs !== 'string' || decorateAs === '') {
      const expected = "Option 'decorateAs' must be a non-empty string";
      throw new ValidationError('invalid_setting', expected, decorateAs);
    }
    if (typeof withContext !== 'boolean') {
      throw new ValidationError('invalid_setting', "Option 'withContext' must be true or false", withContext);
    }
    this.decorateAs = decorateAs;
    this.#client = client;
    this.#readers = checkReaders(options);
    this.#read = read;
    this.#hasScope = withContext;
  }

  /** Nothing of the request is read before its first event. */
  bind(request: Request): BoundRequest<Events> {
    const source = new RequestSource(request, this.#readers, this.#read);
    return {
      analytics: requestAnalytics(this.#client, source),
      run: (next) => (this.#hasScope ? this.#client.withContext(source.fields, () => next()) : next()),
    };
  }
}
