// A call -> its event in the ledger, or why it is not there. Used by client.ts. Next: frame.ts, ledger.ts.
import type { Carrier } from './carrier.js';
import { ValidationError } from './errors.js';
import { type AnyEvent, check, checkCallback, type EventType } from './event.js';
import { encode } from './frame.js';
import type { Callback, Ledger } from './ledger.js';
import type { Reopened } from './sent-event.js';
import type { Settings } from './settings.js';

/** Why an event is not taken over. */
interface Obstacle {
  readonly code: 'closed' | 'queue_full' | 'unserializable' | 'worker_unavailable';
  readonly message: string;
  readonly cause?: unknown;
}

/** An event that was not taken over. */
export interface Refusal extends Obstacle {
  readonly type: EventType;
  readonly event: AnyEvent;
}

export class Intake {
  readonly #settings: Settings;
  readonly #ledger: Ledger;
  readonly #carrier: Carrier;
  #open = true;

  constructor(settings: Settings, ledger: Ledger, carrier: Carrier) {
    this.#settings = settings;
    this.#ledger = ledger;
    this.#carrier = carrier;
  }

  /** Whether events are taken over: not once it is closed, and not once the process has no time left for it. */
  get open(): boolean {
    return this.#open;
  }

  shut(): void {
    this.#open = false;
  }

  /**
   * Takes an event over, or says why not.
   *
   * @throws {ValidationError} `invalid_event`
   */
  take(type: EventType, event: AnyEvent, callback: Callback | undefined): Refusal | undefined {
    return this.#take(type, event, callback, undefined);
  }

  /** Takes an event over once more. */
  retake({ type, event, library }: Reopened): Refusal | undefined {
    return this.#take(type, event, undefined, library);
  }

  #take(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    library: unknown,
  ): Refusal | undefined {
    let obstacle: Obstacle | undefined;
    try {
      obstacle = this.#admit(type, event, callback, library);
    } catch (cause) {
      if (cause instanceof ValidationError) throw cause;
      obstacle = { code: 'unserializable', message: 'The event cannot be written as JSON', cause };
    }
    return obstacle && { ...obstacle, type, event };
  }

  #admit(
    type: EventType,
    event: AnyEvent,
    callback: Callback | undefined,
    library: unknown,
  ): Obstacle | undefined {
    if (!this.#open) return CLOSED;
    check(type, event);
    checkCallback(type, callback);
    const obstacle = this.#obstacle();
    if (obstacle !== undefined) return obstacle;
    const ledger = this.#ledger;
    const { maxQueueSize, maxQueueBytes } = this.#settings;
    const frame = encode(type, event, ledger.signature, ledger.accepted + 1, library);
    if (!ledger.append(frame, callback, maxQueueBytes)) return full('maxQueueBytes', maxQueueBytes);
    // Who has a callback waits for it; and where the queue fills up, room is to be seen as soon as there is any.
    if (callback !== undefined || ledger.pending > maxQueueSize / 2 || ledger.bytes > maxQueueBytes / 2) {
      this.#carrier.expect(ledger.accepted);
    }
    return undefined;
  }

  /** What keeps any event out at this moment. */
  #obstacle(): Obstacle | undefined {
    if (!this.#open) return CLOSED;
    const { failure } = this.#carrier;
    if (failure !== undefined) {
      return { code: 'worker_unavailable', message: failure.message, cause: failure.cause };
    }
    const { maxQueueSize } = this.#settings;
    return this.#ledger.pending < maxQueueSize ? undefined : full('maxQueueSize', maxQueueSize);
  }
}

const CLOSED: Obstacle = { code: 'closed', message: 'The client is closed' };

function full(setting: 'maxQueueSize' | 'maxQueueBytes', limit: number): Obstacle {
  return { code: 'queue_full', message: `${setting} (${limit}) is reached` };
}
