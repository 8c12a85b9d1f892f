// Ledger -> recorded events, and outcomes back: what a client has in tests instead of link.ts, in the same thread and
// without a network. Queue, serializer, limits and outcomes are the worker's own. Next: test-analytics.ts.
import { takeBatch } from '@offthread/worker/batch/batch';
import { Queue } from '@offthread/worker/batch/queue';
import { createRedact } from '@offthread/worker/batch/redact-event';
import { delivered, oversize } from '@offthread/worker/delivery/outcome';
import { stringOf } from '@offthread/worker/frame/frame';
import type { Outcome } from '@offthread/worker/protocol';
import type { Wait } from '../flush/wait.js';
import type { Ledger } from '../pending/pending-events.js';
import { Soon } from '../runtime/deferred-task.js';
import type { Settings } from '../settings/settings.js';
import type { Carrier, Correspondent } from '../thread/transport.js';

export class Recorder implements Carrier {
  readonly failure = undefined;
  readonly lastTry = undefined;
  /** There are no requests. */
  readonly counters = { requests: 0, retries: 0, bytes: 0 };
  readonly #ledger: Ledger;
  readonly #correspondent: Correspondent;
  readonly #record: (event: string) => void;
  readonly #queue: Queue;
  readonly #outcomes = new Set<Outcome>();
  readonly #soon = new Soon(() => this.#settle());
  #released = false;

  /** @param record is given each event within the limits, as JSON text, as it would be sent. */
  constructor(
    ledger: Ledger,
    settings: Settings,
    correspondent: Correspondent,
    record: (event: string) => void,
  ) {
    this.#ledger = ledger;
    this.#queue = new Queue(0, ledger.signature, createRedact(settings.redact));
    this.#correspondent = correspondent;
    this.#record = record;
  }

  /** Records at once, so that a test need not wait, and settles when the code that is running ends, as in production. */
  added(): void {
    for (const chunk of this.#ledger.takeChunks()) this.#queue.push(chunk);
    for (let next = takeBatch(this.#queue, 1); next !== undefined; next = takeBatch(this.#queue, 1)) {
      if ('frame' in next) this.#outcomes.add(oversize(next));
      else {
        for (const { text } of next.frames) this.#record(stringOf(text));
        this.#outcomes.add(delivered(next));
      }
    }
    this.#soon.ask();
  }

  /** Nothing takes any time here. */
  hurry(): void {}

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
    const { accepted } = this.#ledger;
    for (const outcome of this.#outcomes) {
      if (outcome.through > accepted) break;
      // Removed first: a callback may flush, which goes on with the next one.
      this.#outcomes.delete(outcome);
      if (!this.#released) this.#correspondent.receive(outcome);
    }
  }
}
