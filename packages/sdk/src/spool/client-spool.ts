// A client's spool, as the main thread sees it: shared memory in which the worker records its progress. Used by
// client.ts and worker-transport.ts. Next: spool.ts of the worker package.
import { rmSync } from 'node:fs';
import { SPOOL, SPOOL_CONTROL_BYTES, type WorkerSpool } from '@offthread/worker/protocol';
import { folderOf, newRun, shortSource } from '@offthread/worker/spool/run-folder';
import { sourceOf } from '@offthread/worker/spool/source';
import { wallTime } from '../runtime/clock.js';
import type { Settings } from '../settings/settings.js';
import type { Spool } from '../settings/spool.js';
import { hold, release } from './holders.js';
import type { SpoolStats } from './spool-stats.js';

export class ClientSpool {
  readonly #settings: Spool;
  readonly #maxQueueSize: number;
  readonly #source: string;
  readonly #control = new SharedArrayBuffer(SPOOL_CONTROL_BYTES);
  readonly #counters = new BigInt64Array(this.#control);
  #worker: WorkerSpool | undefined;
  #isSettled: () => boolean = () => false;
  #isKept = false;

  constructor(spool: Spool, { writeKey, maxQueueSize }: Pick<Settings, 'writeKey' | 'maxQueueSize'>) {
    this.#settings = spool;
    this.#maxQueueSize = maxQueueSize;
    this.#source = sourceOf(writeKey);
  }

  /**
   * Returns what a worker needs to know. It is the same for each worker, so that the next one continues the same run.
   *
   * @param isSettled whether all events of the client are settled.
   */
  open(isSettled: () => boolean): WorkerSpool {
    this.#isSettled = isSettled;
    if (this.#worker === undefined) {
      const { directory, maxBytes, maxAge, syncInterval } = this.#settings;
      const holder = hold(directory, this);
      const { run } = newRun(this.#source, holder, wallTime());
      // Unsynced events stay in memory, which must also suffice for the events that arrive during a sync.
      const syncAfter = Math.ceil(this.#maxQueueSize / 4);
      const control = this.#control;
      this.#worker = { directory, holder, run, maxBytes, maxAge, syncInterval, syncAfter, control };
    }
    return this.#worker;
  }

  /** Sequence number up to which all events are on disk or settled. */
  get stored(): number {
    return this.#count(SPOOL.STORED);
  }

  /** Why no event can be accepted at present. */
  get obstacle(): string | undefined {
    const { maxBytes } = this.#settings;
    return this.#count(SPOOL.BYTES) >= maxBytes ? `spool.maxBytes (${maxBytes}) is reached` : undefined;
  }

  /** Whether writing to the disk fails. Events are then only in memory. */
  get isFailing(): boolean {
    return this.#count(SPOOL.FAILING) === 1;
  }

  /** Whether sending is paused because of a wrong setting. */
  get isPaused(): boolean {
    return this.#count(SPOOL.PAUSED) === 1;
  }

  get stats(): SpoolStats {
    const oldest = this.#count(SPOOL.OLDEST);
    return {
      stored: this.stored,
      recovered: this.#count(SPOOL.RECOVERED),
      bytes: this.#count(SPOOL.BYTES),
      oldestAge: oldest === 0 ? 0 : Math.max(0, wallTime() - oldest),
      damaged: this.#count(SPOOL.DAMAGED),
    };
  }

  /** Keeps the run when the client ends, because another process sends its events. */
  keep(): void {
    this.#isKept = true;
  }

  /** Releases the spool when the client has ended. Removes the run if all its events are settled. Never throws. */
  release(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    const { directory, holder, run } = worker;
    if (!this.#isKept && this.#isSettled())
      removeFolder(`${directory}/${folderOf({ source: shortSource(this.#source), run, holder })}`);
    release(directory);
  }

  end(): void {
    this.release();
  }

  #count(slot: number): number {
    return Number(Atomics.load(this.#counters, slot));
  }
}

function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next process finds it empty and removes it.
  }
}
