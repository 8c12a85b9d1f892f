// The events of a few entries, for delivery.ts of the worker to take batches from. Used by partition-drain.ts.
import type { Frame } from '@offthread/worker/batch/queue';
import type { DeliveryQueue } from '@offthread/worker/delivery/delivery';
import type { Entry } from '../engine/engine.js';

/** An entry that isn't settled, and the sequence number of its last event. */
interface Waiting {
  readonly id: string;
  readonly last: number;
}

export class EntryQueue implements DeliveryQueue {
  #frames: Frame[] = [];
  #taken = 0;
  #entries: Waiting[] = [];
  /** Sequence number of the last event that was added. */
  #sequence = 0;

  readonly isFilling = false;
  readonly bytes = 0;
  readonly last = 0;
  /** So that a batch isn't kept waiting for more events: none are added until it is settled. */
  readonly next = 0;

  push(entries: readonly Entry[]): void {
    this.#frames = [];
    this.#taken = 0;
    for (const { id, texts } of entries) {
      for (const text of texts) {
        const memory = Buffer.from(text);
        this.#sequence++;
        this.#frames.push({
          sequence: this.#sequence,
          text: { head: '', memory, start: 0, end: memory.length },
        });
      }
      this.#entries.push({ id, last: this.#sequence });
    }
  }

  /** Ids of the entries that aren't settled. */
  get ids(): string[] {
    return this.#entries.map(({ id }) => id);
  }

  get length(): number {
    return this.#frames.length - this.#taken;
  }

  /** Whether all entries are settled. */
  get isSettled(): boolean {
    return this.#entries.length === 0;
  }

  peek(): Frame | undefined {
    return this.#frames[this.#taken];
  }

  shift(): Frame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#taken++;
    return frame;
  }

  look(): boolean {
    return false;
  }

  /** Settles events. Returns the entries of which all events are settled, and the last of those events. */
  settle(through: number): { ids: string[]; through: number } {
    const ids: string[] = [];
    let settled = 0;
    for (
      let entry = this.#entries[0];
      entry !== undefined && entry.last <= through;
      entry = this.#entries[0]
    ) {
      this.#entries.shift();
      ids.push(entry.id);
      settled = entry.last;
    }
    return { ids, through: settled };
  }

  clear(): void {
    this.#frames = [];
    this.#taken = 0;
    this.#entries = [];
  }
}
