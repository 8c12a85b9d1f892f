// Decides when a client's events are synced. Used by spool.ts.
import type { WorkerSpool } from '../protocol.js';

/** What is synced. */
export interface Syncable {
  /** Sequence numbers of the last event, and of the last one that is synced. */
  readonly last: number;
  readonly stored: number;
  readonly isSyncing: boolean;
  sync(done: () => void): void;
}

export class SyncSchedule {
  readonly #events: Syncable;
  readonly #spool: WorkerSpool;
  readonly #onSync: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onSync is called after each sync, whether it succeeded or not. */
  constructor(events: Syncable, spool: WorkerSpool, onSync: () => void) {
    this.#events = events;
    this.#spool = spool;
    this.#onSync = onSync;
  }

  /** Call this when events may have been written. */
  update(): void {
    const { syncInterval, syncAfter } = this.#spool;
    const unsynced = this.#events.last - this.#events.stored;
    if (unsynced <= 0) return;
    if (syncInterval === 0 || unsynced >= syncAfter) {
      if (!this.#events.isSyncing) this.#sync();
    } else this.#timer ??= setTimeout(() => this.#sync(), syncInterval);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #sync(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#events.sync(this.#onSync);
  }
}
