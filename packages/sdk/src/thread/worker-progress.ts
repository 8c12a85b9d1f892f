// What the worker has done with the events of one client: reads its counters and messages, and reports outcomes to the
// client. Used by worker-transport.ts and worker-thread.ts. Next: outcome-reporter.ts.
import type { ClientMessage, Retry } from '@offthread/worker/protocol';
import type { PendingEvents } from '../pending/pending-events.js';
import type { ClientSpool } from '../spool/client-spool.js';
import type { ControlBlock } from './control-block.js';
import type { LastAttempt, TransportListener } from './transport.js';

export class WorkerProgress {
  readonly #pendingEvents: PendingEvents;
  readonly #control: ControlBlock;
  readonly #spool: ClientSpool | undefined;
  readonly #listener: TransportListener;
  /** Sequence number of the last event that a message has reported as lost. */
  #lost = 0;
  /** Sequence number up to which events were delivered, as of the last `read()`. */
  #deliveredThrough = 0;
  /** The last failed request. Its batch begins with event `first`. */
  #lastFault: (Retry & { readonly first: number }) | undefined;
  /** Id of the last `store` message that has finished. */
  #storeReplies = 0;
  /** Messages that the previous thread had posted before it ended. */
  #lateMessages: ClientMessage[] = [];

  constructor(
    pendingEvents: PendingEvents,
    control: ControlBlock,
    spool: ClientSpool | undefined,
    listener: TransportListener,
  ) {
    this.#pendingEvents = pendingEvents;
    this.#control = control;
    this.#spool = spool;
    this.#listener = listener;
  }

  get storeReplies(): number {
    return this.#storeReplies;
  }

  /** The requests for the oldest pending events. */
  get lastAttempt(): LastAttempt {
    const { settled } = this.#pendingEvents;
    const isBeingSent = this.#control.count('CURRENT_BATCH') > settled;
    const begun = isBeingSent ? this.#control.attempts : 0;
    const fault = this.#lastFault;
    if (fault === undefined || fault.first <= settled)
      return { attempts: begun, status: undefined, cause: undefined };
    // A new thread that has taken over the batch starts counting at 0.
    const attempts = Math.max(begun, fault.attempts);
    return { attempts, status: fault.status, cause: new Error(fault.message) };
  }

  /** Notes the events known to be delivered. No user code runs before the calling code has ended. */
  catchUp(): void {
    this.#readStored();
    // In this order: then all events lost before those delivered are already counted in `LOST`.
    const through = this.#control.count('DELIVERED');
    if (this.#control.count('LOST') <= this.#lost) this.#listener.note({ type: 'delivered', through });
  }

  /** Reads the counters. */
  read(): void {
    this.#readStored();
    this.#deliveredThrough = this.#control.count('DELIVERED');
  }

  /**
   * Reports what `read()` has read. In between, all messages that the worker had posted before it got that far must be
   * passed to `onMessage()`.
   */
  report(): void {
    // One by one, because a user's callback may flush, and must then see the remaining messages.
    for (let next = this.#lateMessages.shift(); next !== undefined; next = this.#lateMessages.shift())
      this.onMessage(next);
    this.#listener.onOutcome({ type: 'delivered', through: this.#deliveredThrough });
    this.#pendingEvents.free();
  }

  /** The thread has ended. `messages` are those that weren't received yet. The next `report()` reports them. */
  onThreadEnd(messages: ClientMessage[]): void {
    this.#lateMessages = messages;
    this.read();
  }

  onMessage(message: ClientMessage): void {
    switch (message.type) {
      case 'held':
        this.#listener.onRetryAfter();
        break;
      case 'postponed':
      case 'retried':
        this.#lastFault = message;
        // First, so that subscribers of both channels see these events before the retry.
        this.#listener.onOutcome({ type: 'delivered', through: message.first - 1 });
        if (message.type === 'postponed') this.#listener.onPostponed(message);
        else this.#listener.onRetried(message);
        break;
      case 'delivered':
        this.#listener.onOutcome(message);
        break;
      case 'spool':
        this.#listener.onSpoolReport(message);
        break;
      case 'recovered':
        this.#listener.onRecovered(message.count);
        break;
      case 'stored':
        this.#storeReplies = message.id;
        this.#readStored();
        this.#listener.onStored(message.id);
        break;
      default:
        this.#lost = message.through;
        this.#listener.onOutcome({ type: 'delivered', through: message.first - 1 });
        this.#listener.onOutcome(message);
    }
  }

  #readStored(): void {
    if (this.#spool !== undefined) this.#pendingEvents.stored = this.#spool.stored;
  }
}
