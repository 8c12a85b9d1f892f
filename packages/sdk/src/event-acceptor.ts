// A call -> its event in the ledger, or why it is not there. Used by client.ts. Next: before-send.ts, frame.ts, ledger.ts.

import { ValidationError } from './errors.js';
import { type Dropped, failed, Hooks } from './event/before-send.js';
import { encode, oversize } from './event/encode.js';
import { type AnyEvent, check, checkCallback, type EventType, withoutForeign } from './event/event.js';
import type { Reopened } from './event/resend.js';
import { Scope, type ScopeSource } from './event/scope.js';
import { isTooLate } from './flush/exit.js';
import type { Ledger } from './pending/pending-events.js';
import type { Callback } from './report/bound-callback.js';
import type { Settings } from './settings/settings.js';
import type { Carrier } from './thread/transport.js';

/** Why an event is refused. */
interface Refused {
  readonly code: 'closed' | 'queue_full' | 'unserializable' | 'event_too_large' | 'worker_unavailable';
  readonly message: string;
  readonly cause?: unknown;
}

/** An event that was turned away at the call. */
export type TurnedAway = (Refused | Dropped) & { readonly type: EventType; readonly event: AnyEvent };

export class Intake {
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #carrier: Carrier;
  readonly #hooks: Hooks | undefined;
  /** Made for the first `withContext()`: who calls none pays for none. */
  #scope: Scope | undefined;
  #open = true;

  constructor(settings: Settings, ledger: Ledger, carrier: Carrier) {
    this.#settings = settings;
    this.#ledger = ledger;
    this.#carrier = carrier;
    if (settings.beforeSend !== undefined) this.#hooks = new Hooks(settings.beforeSend);
  }

  /** Whether events are taken over: not once it is closed, and not once the process has no time left for it. */
  get open(): boolean {
    return this.#open && !isTooLate(this.#settings.flushTimeout);
  }

  shut(): void {
    this.#open = false;
  }

  /** Calls `run`, in which events inherit the fields. */
  withContext<T, A>(fields: ScopeSource, run: (argument: A) => T, argument: A): T {
    this.#scope ??= new Scope();
    return this.#scope.run(fields, run, argument);
  }

  /**
   * Puts an event into the ledger, or says why not.
   *
   * @param again of an event that was there before, which inherits nothing.
   * @throws {ValidationError} `invalid_event`
   */
  take(
    type: EventType,
    given: AnyEvent,
    callback: Callback | undefined,
    again?: Reopened,
  ): TurnedAway | undefined {
    let event = given;
    let obstacle: Refused | Dropped | undefined;
    try {
      event = withoutForeign(given);
      if (this.#scope !== undefined && again === undefined) event = this.#scope.fill(type, event);
      obstacle = this.#admit(type, event, callback, again);
    } catch (cause) {
      if (cause instanceof ValidationError) throw cause;
      obstacle = { code: 'unserializable', message: 'The event cannot be written as JSON', cause };
    }
    return obstacle === undefined ? undefined : { ...obstacle, type, event };
  }

  #admit(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    again: Reopened | undefined,
  ): Refused | Dropped | undefined {
    if (!this.#open) return CLOSED;
    check(type, event);
    checkCallback(type, callback);
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return obstacle;
    if (this.#hooks === undefined) return this.#enter(type, event, callback, again);
    const passage = this.#hooks.pass(type, event);
    if (passage.code !== undefined) return passage;
    try {
      // Once more: the functions may have closed the client or filled its queue.
      return this.#obstacle() ?? this.#enter(type, passage.event, callback, again);
    } catch (cause) {
      return failed('beforeSend returned what cannot be written as JSON', cause);
    }
  }

  #enter(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    again: Reopened | undefined,
  ): Refused | undefined {
    const ledger = this.#ledger;
    const { maxQueueSize, maxQueueBytes, redact } = this.#settings;
    const { accepted } = ledger;
    const frame = encode(type, event, ledger, again);
    // A getter or a toJSON has closed the client, or has tracked and may have filled its queue.
    const obstacle = this.#open && ledger.accepted === accepted ? undefined : this.#obstacle();
    if (obstacle !== undefined) return obstacle;
    // The worker redacts, so with that setting it decides what is too large. It drops events that are sent again as well:
    // refused here they would hold up those behind them.
    const message = redact === undefined && again === undefined ? oversize(frame, ledger) : undefined;
    if (message !== undefined) return { code: 'event_too_large', message };
    if (!ledger.append(frame, callback, maxQueueBytes)) return full('maxQueueBytes', maxQueueBytes);
    // Who has a callback waits for it; and where the queue fills up, room is to be seen as soon as there is any.
    if (callback !== undefined || ledger.pending > maxQueueSize / 2 || ledger.bytes > maxQueueBytes / 2) {
      this.#carrier.expect(ledger.accepted);
    }
    return undefined;
  }

  /** What keeps any event out at this moment. */
  #obstacle(): Refused | undefined {
    if (!this.open) return CLOSED;
    const { failure } = this.#carrier;
    if (failure !== undefined) {
      return { code: 'worker_unavailable', message: failure.message, cause: failure.cause };
    }
    const { maxQueueSize } = this.#settings;
    return this.#ledger.pending < maxQueueSize ? undefined : full('maxQueueSize', maxQueueSize);
  }
}

const CLOSED: Refused = { code: 'closed', message: 'The client is closed' };

function full(setting: 'maxQueueSize' | 'maxQueueBytes', limit: number): Refused {
  return { code: 'queue_full', message: `${setting} (${limit}) is reached` };
}
