// Pending events -> recorded events, and outcomes back: what a client has in tests instead of worker-transport.ts, in the same thread and
// without a network. Queue, serializer, limits and outcomes are the worker's own. Next: test-analytics.ts.
import { takeBatch } from '@offthread/worker/batch/batch';
import { Queue } from '@offthread/worker/batch/queue';
import { createRedact } from '@offthread/worker/batch/redact-event';
import { delivered, oversize } from '@offthread/worker/delivery/outcome';
import { stringOf } from '@offthread/worker/frame/frame';
import type { Outcome } from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { PendingEvents } from '../pending/pending-events.js';
import { DeferredTask } from '../runtime/deferred-task.js';
import type { Settings } from '../settings/settings.js';
import type { Transport, TransportListener } from '../thread/transport.js';

export class Recorder implements Transport {
  readonly failure = undefined;
  readonly lastAttempt = undefined;
  /** There are no requests. */
  readonly requestCounts = { requests: 0, retries: 0, bytes: 0 };
  readonly #pendingEvents: PendingEvents;
  readonly #listener: TransportListener;
  readonly #record: (event: string) => void;
  readonly #queue: Queue;
  readonly #outcomes = new Set<Outcome>();
  readonly #settling = new DeferredTask(() => this.#settle());
  #released = false;

  /** @param record is given each event within the limits, as JSON text, as it would be sent. */
  constructor(
    pendingEvents: PendingEvents,
    settings: Settings,
    listener: TransportListener,
    record: (event: string) => void,
  ) {
    this.#pendingEvents = pendingEvents;
    this.#queue = new Queue(0, pendingEvents.frameDefaults, createRedact(settings.redact));
    this.#listener = listener;
    this.#record = record;
  }

  /** Records at once, so that a test need not wait, and settles when the code that is running ends, as in production. */
  scheduleSend(): void {
    for (const chunk of this.#pendingEvents.takeChunks()) this.#queue.push(chunk);
    for (let next = takeBatch(this.#queue, 1); next !== undefined; next = takeBatch(this.#queue, 1)) {
      if ('frame' in next) this.#outcomes.add(oversize(next));
      else {
        for (const { text } of next.frames) this.#record(stringOf(text));
        this.#outcomes.add(delivered(next));
      }
    }
    this.#settling.schedule();
  }

  /** Nothing takes any time here. */
  requestFlush(): void {}

  /** All is told at once here. */
  expect(_through: number): void {}

  block(wait: Wait): boolean {
    this.#settle();
    return wait.done;
  }

  isHeldPast(_deadline: number): boolean {
    return false;
  }

  async release(): Promise<void> {
    this.#released = true;
  }

  /** Settles what there is now, and not what callbacks track meanwhile: they may do so for ever. */
  #settle(): void {
    const { accepted } = this.#pendingEvents;
    for (const outcome of this.#outcomes) {
      if (outcome.through > accepted) break;
      // Removed first: a callback may flush, which goes on with the next one.
      this.#outcomes.delete(outcome);
      if (!this.#released) this.#listener.onOutcome(outcome);
    }
  }
}
