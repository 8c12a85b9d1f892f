// `withContext()`: fields that events inherit from the surrounding code, across awaits and timers. Used by
// event-acceptor.ts and analytics.ts.
import { AsyncLocalStorage } from 'node:async_hooks';
import { show, ValidationError } from '../errors.js';
import { asJson, merge } from '../input/fields.js';
import { OTHER_FIELDS } from '../input/other-names.js';
import { isPromise } from '../input/promises.js';
import { suggest } from '../input/suggest.js';
import type { AnyEvent, EventType } from './event.js';
import { copyFields, withoutForeign } from './event-fields.js';
import type { Ids } from './methods.js';
import { checkIds, checkObject } from './validate.js';

/** Fields that events can inherit. `undefined` inherits the field from the outer scope, `null` removes it. */
export interface ScopeFields extends Ids {
  readonly context?: object | null | undefined;
  readonly integrations?: object | null | undefined;
}

/** The fields, or a synchronous function that returns them. The function is called for each event. */
export type ScopeSource = ScopeFields | (() => ScopeFields | null | undefined);

/** The scopes of one client. */
export class Scope {
  readonly #storage = new AsyncLocalStorage<ScopeSource>();

  /**
   * Calls `run` with the argument. Events tracked during the call, and in async work that it starts, inherit the fields
   * and those of the outer scope.
   *
   * @throws {ValidationError} `invalid_event`, and anything that `run` throws.
   */
  run<T, A>(given: ScopeSource, run: (argument: A) => T, argument: A): T {
    if (typeof run !== 'function') {
      throw new ValidationError('invalid_event', 'withContext() takes a function after the fields', run);
    }
    const source = typeof given === 'function' ? given : checked(given);
    const outer = this.#storage.getStore();
    return this.#storage.run(outer === undefined ? source : within(outer, source), run, argument);
  }

  /** Returns the event with the fields that it inherits. Its own fields take precedence. */
  fill(type: EventType, event: AnyEvent): AnyEvent {
    const source = this.#storage.getStore();
    // Anything but an object is refused by the validation that follows.
    if (source === undefined || typeof event !== 'object' || event === null || Array.isArray(event))
      return event;
    const filled = copyFields(type, event);
    const { anonymousId } = filled;
    Object.assign(filled, both(read(source), filled));
    // An alias inherits only `userId`.
    if (type === 'alias') filled.anonymousId = anonymousId;
    return filled;
  }
}

/** Combines nested scopes. If one of them is a function, the result is a function as well. */
function within(outer: ScopeSource, inner: ScopeSource): ScopeSource {
  // The same scope is entered again, as by Fastify in later hooks of a request.
  if (outer === inner) return inner;
  if (typeof outer === 'function' || typeof inner === 'function') return () => both(read(outer), read(inner));
  return both(outer, inner);
}

function both(outer: ScopeFields, inner: ScopeFields): ScopeFields {
  return {
    userId: inner.userId === undefined ? outer.userId : inner.userId,
    anonymousId: inner.anonymousId === undefined ? outer.anonymousId : inner.anonymousId,
    context: mergeFields('context', outer.context, inner.context),
    integrations: mergeFields('integrations', outer.integrations, inner.integrations),
  };
}

/** Merges the top-level keys. Anything but an object is left to the validation. */
function mergeFields(name: string, outer: Fields, inner: Fields): Fields {
  if (inner === undefined) return outer;
  if (outer == null || typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
  return merge(name, outer, inner);
}

type Fields = object | null | undefined;

function read(source: ScopeSource): ScopeFields {
  if (typeof source !== 'function') return source;
  const fields: unknown = source() ?? {};
  if (isPromise(fields)) {
    throw new ValidationError(
      'invalid_event',
      'withContext(): the function must return fields synchronously; got a Promise',
    );
  }
  if (typeof fields === 'object') return withoutForeign(fields as ScopeFields);
  throw new ValidationError('invalid_event', 'withContext(): the function must return an object', fields);
}

const FIELDS = ['userId', 'anonymousId', 'context', 'integrations'];

/** Validates the fields and copies them, so that later changes to the object have no effect. */
function checked(fields: ScopeFields): ScopeFields {
  const where = 'withContext';
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new ValidationError('invalid_event', `${where}() takes an object of fields`, fields);
  }
  for (const name of Object.keys(fields)) {
    if (FIELDS.includes(name)) continue;
    throw new ValidationError(
      'invalid_event',
      `${where}() has no field ${show(name)}${suggest(name, FIELDS, OTHER_FIELDS)}`,
    );
  }
  const { userId, anonymousId, context, integrations } = withoutForeign(fields);
  checkIds(where, userId, anonymousId);
  checkObject(where, 'context', context);
  checkObject(where, 'integrations', integrations);
  return {
    userId,
    anonymousId,
    context: context && { ...asJson('context', context) },
    integrations: integrations && { ...asJson('integrations', integrations) },
  };
}
