// A client's spool as the main thread sees it: memory in which the worker says how far it is. Used by client.ts and
// worker-transport.ts. Next: the worker package's spool.ts.
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
   * What a worker needs to know of it: the same for each, so that the next one goes on with the same run.
   *
   * @param isSettled whether all of the client's events are.
   */
  open(isSettled: () => boolean): WorkerSpool {
    this.#isSettled = isSettled;
    if (this.#worker === undefined) {
      const { directory, maxBytes, maxAge, syncInterval } = this.#settings;
      const holder = hold(directory, this);
      const { run } = newRun(this.#source, holder, wallTime());
      // Memory is kept for what is not synced, and has to suffice for what comes during a sync.
      const syncAfter = Math.ceil(this.#maxQueueSize / 4);
      const control = this.#control;
      this.#worker = { directory, holder, run, maxBytes, maxAge, syncInterval, syncAfter, control };
    }
    return this.#worker;
  }

  /** Sequence number up to which all events are on the disk or settled. */
  get stored(): number {
    return this.#count(SPOOL.STORED);
  }

  /** Why no event can be taken over at present. */
  get obstacle(): string | undefined {
    const { maxBytes } = this.#settings;
    return this.#count(SPOOL.BYTES) >= maxBytes ? `spool.maxBytes (${maxBytes}) is reached` : undefined;
  }

  /** Whether the disk fails: events are then in memory only. */
  get isFailing(): boolean {
    return this.#count(SPOOL.FAILING) === 1;
  }

  /** Whether the source waits, because something is set wrong. */
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

  /** Events are left in the run, for another process. */
  keep(): void {
    this.#isKept = true;
  }

  /** The client is gone. If all of its events are settled, its run is removed. Never throws. */
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
    // The next process finds nothing to send in it, and removes it.
  }
}
