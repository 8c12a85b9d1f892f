// What the event methods call: validates an event, adds it to the pending events and has it sent, or rejects it. Next:
// validate.ts, before-send.ts, encode.ts, pending-events.ts, worker-transport.ts.

import { type SentEvent, ValidationError } from './errors.js';
import { BeforeSendChain, type Dropped, failed } from './event/before-send.js';
import { asText, encode, oversize } from './event/encode.js';
import type { AnyEvent, EventType } from './event/event.js';
import { withoutForeign } from './event/event-fields.js';
import type { Callback } from './event/methods.js';
import { type ResentEvent, readSentEvents } from './event/resend.js';
import { Scope, type ScopeSource } from './event/scope.js';
import { check, checkCallback } from './event/validate.js';
import { type ExitParticipant, isTooLate, trackPending } from './flush/exit.js';
import type { PendingEvents } from './pending/pending-events.js';
import type { Refusal, RejectionReporter } from './rejection-reporter.js';
import type { Settings } from './settings/settings.js';
import { StoreError } from './spool/store-error.js';
import type { Transport } from './thread/transport.js';

export class EventAcceptor {
  readonly #settings: Settings;
  readonly #pendingEvents: PendingEvents;
  readonly #transport: Transport;
  readonly #rejections: RejectionReporter;
  readonly #client: ExitParticipant;
  readonly #beforeSend: BeforeSendChain | undefined;
  /** Created by the first `withContext()`, so that clients that don't use it don't pay for it. */
  #scope: Scope | undefined;
  #isOpen = true;

  /** @param client flushes the events when the process ends. */
  constructor(
    settings: Settings,
    pendingEvents: PendingEvents,
    transport: Transport,
    rejections: RejectionReporter,
    client: ExitParticipant,
  ) {
    this.#settings = settings;
    this.#pendingEvents = pendingEvents;
    this.#transport = transport;
    this.#rejections = rejections;
    this.#client = client;
    if (settings.beforeSend !== undefined) this.#beforeSend = new BeforeSendChain(settings.beforeSend);
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Calls `run`. Events inside it inherit the fields. */
  withContext<T, A>(fields: ScopeSource, run: (argument: A) => T, argument: A): T {
    this.#scope ??= new Scope();
    return this.#scope.run(fields, run, argument);
  }

  /** Accepts events again, in order, and stops at the first that it can't accept. Returns the number accepted. */
  resend(events: readonly SentEvent[]): number {
    if (!this.#isAccepting()) return 0;
    let accepted = 0;
    for (const again of readSentEvents(events)) {
      if (!this.accept(again.type, again.event, undefined, again)) break;
      accepted++;
    }
    return accepted;
  }

  /**
   * Accepts an event. Returns false if it can't.
   *
   * @param again set for an event passed to `resend()`, which inherits nothing.
   * @throws {ValidationError} `invalid_event`
   */
  accept(type: EventType, given: AnyEvent, callback: Callback | undefined, again?: ResentEvent): boolean {
    let event = given;
    let obstacle: Refusal | Dropped | undefined;
    try {
      event = withoutForeign(given);
      if (this.#scope !== undefined && again === undefined) event = this.#scope.fill(type, event);
      obstacle = this.#add(type, event, callback, again);
    } catch (cause) {
      if (cause instanceof ValidationError) throw cause;
      obstacle =
        cause instanceof StoreError
          ? { code: 'spool_failed', message: cause.message, cause: cause.cause }
          : { code: 'unserializable', message: 'The event cannot be written as JSON', cause };
    }
    if (obstacle !== undefined) return this.#rejections.report(obstacle, type, event, callback);
    this.#transport.scheduleSend();
    if (this.#pendingEvents.count === 1) trackPending(this.#client);
    return true;
  }

  /** Adds an event to the pending events, or returns why not. */
  #add(
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
      if (cause instanceof StoreError) throw cause;
      return failed('beforeSend returned an event that cannot be written as JSON', cause);
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
    const encoded = encode(type, event, pendingEvents, again);
    const frame = this.#transport.spool?.isStrict ? asText(encoded) : encoded;
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

  /**
   * Not after `close()`, and not if the process is ending and has no time left to deliver events. A method, because a
   * private getter costs each event 4 ns.
   */
  #isAccepting(): boolean {
    return this.#isOpen && !isTooLate(this.#settings.flushTimeout);
  }

  /** Why no event can be accepted now. */
  #obstacle(): Refusal | undefined {
    if (!this.#isAccepting()) return CLOSED;
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
  return { code: 'queue_full', message: `The queue is full: ${setting} (${limit}) is reached` };
}
