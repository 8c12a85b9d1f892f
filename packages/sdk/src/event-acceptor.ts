// Validates the event of a call and adds it to the pending events, or says why not. Used by client.ts. Next:
// before-send.ts, encode.ts, pending-events.ts.

import { ValidationError } from './errors.js';
import { BeforeSendChain, type Dropped, failed } from './event/before-send.js';
import { encode, oversize } from './event/encode.js';
import type { AnyEvent, EventType } from './event/event.js';
import { withoutForeign } from './event/event-fields.js';
import type { Callback } from './event/methods.js';
import type { ResentEvent } from './event/resend.js';
import { Scope, type ScopeSource } from './event/scope.js';
import { check, checkCallback } from './event/validate.js';
import { isTooLate } from './flush/exit.js';
import type { PendingEvents } from './pending/pending-events.js';
import type { Settings } from './settings/settings.js';
import type { Transport } from './thread/transport.js';

/** Why an event is refused. */
interface Refusal {
  readonly code:
    | 'closed'
    | 'queue_full'
    | 'spool_full'
    | 'unserializable'
    | 'event_too_large'
    | 'worker_unavailable';
  readonly message: string;
  readonly cause?: unknown;
}

/** An event that was rejected at the call. */
export type Rejection = (Refusal | Dropped) & { readonly type: EventType; readonly event: AnyEvent };

export class EventAcceptor {
  readonly #settings: Settings;
  readonly #pendingEvents: PendingEvents;
  readonly #transport: Transport;
  readonly #beforeSend: BeforeSendChain | undefined;
  /** Created by the first `withContext()`, so that clients that don't use it don't pay for it. */
  #scope: Scope | undefined;
  #isOpen = true;

  constructor(settings: Settings, pendingEvents: PendingEvents, transport: Transport) {
    this.#settings = settings;
    this.#pendingEvents = pendingEvents;
    this.#transport = transport;
    if (settings.beforeSend !== undefined) this.#beforeSend = new BeforeSendChain(settings.beforeSend);
  }

  /** Whether events are accepted: not after `close()`, and not if the process has no time left to deliver them. */
  get isOpen(): boolean {
    return this.#isOpen && !isTooLate(this.#settings.flushTimeout);
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Calls `run`. Events inside it inherit the fields. */
  withContext<T, A>(fields: ScopeSource, run: (argument: A) => T, argument: A): T {
    this.#scope ??= new Scope();
    return this.#scope.run(fields, run, argument);
  }

  /**
   * Adds an event to the pending events, or returns why not.
   *
   * @param again set for an event passed to `resend()`, which inherits nothing.
   * @throws {ValidationError} `invalid_event`
   */
  accept(
    type: EventType,
    given: AnyEvent,
    callback: Callback | undefined,
    again?: ResentEvent,
  ): Rejection | undefined {
    let event = given;
    let obstacle: Refusal | Dropped | undefined;
    try {
      event = withoutForeign(given);
      if (this.#scope !== undefined && again === undefined) event = this.#scope.fill(type, event);
      obstacle = this.#check(type, event, callback, again);
    } catch (cause) {
      if (cause instanceof ValidationError) throw cause;
      obstacle = { code: 'unserializable', message: 'The event cannot be written as JSON', cause };
    }
    return obstacle === undefined ? undefined : { ...obstacle, type, event };
  }

  #check(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    again: ResentEvent | undefined,
  ): Refusal | Dropped | undefined {
    if (!this.#isOpen) return CLOSED;
    check(type, event);
    checkCallback(type, callback);
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return obstacle;
    if (this.#beforeSend === undefined) return this.#append(type, event, callback, again);
    const result = this.#beforeSend.apply(type, event);
    if (result.code !== undefined) return result;
    try {
      // Checked again, because the functions may have closed the client or filled its queue.
      return this.#obstacle() ?? this.#append(type, result.event, callback, again);
    } catch (cause) {
      return failed('beforeSend returned what cannot be written as JSON', cause);
    }
  }

  #append(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    again: ResentEvent | undefined,
  ): Refusal | undefined {
    const pendingEvents = this.#pendingEvents;
    const { maxQueueBytes, redact } = this.#settings;
    const { accepted } = pendingEvents;
    const frame = encode(type, event, pendingEvents, again);
    // Checked again if a getter or a `toJSON` has closed the client or tracked events.
    const obstacle = this.#isOpen && pendingEvents.accepted === accepted ? undefined : this.#obstacle();
    if (obstacle !== undefined) return obstacle;
    // With `redact`, the worker redacts and then decides what is too large. It also decides for resent events: if one
    // were refused here, those after it would be stuck.
    const message = redact === undefined && again === undefined ? oversize(frame, pendingEvents) : undefined;
    if (message !== undefined) return { code: 'event_too_large', message };
    if (!pendingEvents.append(frame, callback)) {
      // Reuses the memory of delivered events before it allocates more.
      this.#transport.catchUp();
      if (!pendingEvents.open(frame, callback, maxQueueBytes)) return full('maxQueueBytes', maxQueueBytes);
    }
    // An event with a callback needs its outcome reported without a flush.
    if (callback !== undefined) this.#transport.expect(pendingEvents.accepted);
    return undefined;
  }

  /** Why no event can be accepted now. */
  #obstacle(): Refusal | undefined {
    if (!this.isOpen) return CLOSED;
    const { failure } = this.#transport;
    if (failure !== undefined) {
      return { code: 'worker_unavailable', message: failure.message, cause: failure.cause };
    }
    const isFull = this.#transport.spool?.obstacle;
    if (isFull !== undefined) return { code: 'spool_full', message: isFull };
    const { maxQueueSize } = this.#settings;
    const pendingEvents = this.#pendingEvents;
    if (pendingEvents.inMemory < maxQueueSize) return undefined;
    this.#transport.catchUp();
    return pendingEvents.inMemory < maxQueueSize ? undefined : full('maxQueueSize', maxQueueSize);
  }
}

const CLOSED: Refusal = { code: 'closed', message: 'The client is closed' };

function full(setting: 'maxQueueSize' | 'maxQueueBytes', limit: number): Refusal {
  return { code: 'queue_full', message: `${setting} (${limit}) is reached` };
}
