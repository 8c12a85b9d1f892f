// A client's spool, as the main thread sees it: shared memory in which the worker records its progress. Used by
// client.ts and worker-transport.ts. Next: spool.ts of the worker package.
import { rmSync } from 'node:fs';
import { SPOOL, SPOOL_CONTROL_BYTES, SPOOL_WORD, type WorkerSpool } from '@offthread/worker/protocol';
import { nodeFileSystem } from '@offthread/worker/spool/file-system';
import { folderOf, newRun, type RunName, shortSource } from '@offthread/worker/spool/run-folder';
import { SharedRunName } from '@offthread/worker/spool/shared-run-name';
import { sourceOf } from '@offthread/worker/spool/source';
import { StrictWriter } from '@offthread/worker/spool/strict-writer';
import type { EventLog } from '../pending/event-log.js';
import type { PendingEvents } from '../pending/pending-events.js';
import { now, wallTime } from '../runtime/clock.js';
import type { Settings } from '../settings/settings.js';
import type { Spool } from '../settings/spool.js';
import { hold, release, resume } from './holders.js';
import type { SpoolStats } from './spool-stats.js';
import { StoreError } from './store-error.js';

export class ClientSpool {
  readonly #settings: Spool;
  readonly #maxQueueSize: number;
  readonly #source: string;
  readonly #control = new SharedArrayBuffer(SPOOL_CONTROL_BYTES);
  readonly #counters = new BigInt64Array(this.#control);
  readonly #words = new Int32Array(this.#control);
  #worker: WorkerSpool | undefined;
  #writer: StrictWriter | undefined;
  /** Not the client, which must be collected if nobody refers to it. */
  #pendingEvents: PendingEvents | undefined;
  #isKept = false;
  /** Whether the end of the process was announced. */
  #hasEnded = false;

  constructor(spool: Spool, { writeKey, maxQueueSize }: Pick<Settings, 'writeKey' | 'maxQueueSize'>) {
    this.#settings = spool;
    this.#maxQueueSize = maxQueueSize;
    this.#source = sourceOf(writeKey);
  }

  /**
   * Returns what a worker needs to know. It is the same for each worker, so that the next one continues the same run.
   */
  open(pendingEvents: PendingEvents): WorkerSpool {
    this.#pendingEvents = pendingEvents;
    if (this.#worker === undefined) {
      const holder = hold(this.#settings.directory, this);
      const { run } = newRun(this.#source, holder, wallTime());
      // Unsynced events stay in memory, which must also suffice for the events that arrive during a sync.
      const syncAfter = Math.ceil(this.#maxQueueSize / 4);
      this.#worker = { ...this.#settings, holder, run, syncAfter, control: this.#control };
    }
    return this.#worker;
  }

  /**
   * Where events are written while they are accepted, with `strict`. Otherwise undefined: the worker writes them.
   */
  logOf(pendingEvents: PendingEvents): EventLog | undefined {
    const { directory, strict } = this.#settings;
    if (!strict) return undefined;
    const isSettled = (): boolean => pendingEvents.count === 0;
    const open = (): StrictWriter => {
      this.#writer = new StrictWriter({
        ...{ fs: nodeFileSystem, directory, wallTime, monotonicTime: now, isSettled },
        name: this.#nameOf(this.open(pendingEvents)),
        identity: { source: this.#source, frameDefaults: pendingEvents.frameDefaults },
      });
      return this.#writer;
    };
    return {
      has: (sequence) => this.#writer !== undefined && this.#writer.written >= sequence,
      write: (sequence, time, memory, start, end) => {
        try {
          this.resume();
          (this.#writer ?? open()).write(sequence, time, memory, start, end);
        } catch (cause) {
          throw new StoreError(directory, cause);
        }
      },
    };
  }

  /** Whether events are on disk when they are accepted. */
  get isStrict(): boolean {
    return this.#settings.strict;
  }

  /**
   * Returns the sequence number up to which events survive the end of the process.
   *
   * @param accepted sequence number of the newest event.
   */
  survivingThrough(accepted: number): number {
    return this.isStrict ? accepted : this.stored;
  }

  /** Sequence number up to which all events are on disk or settled. */
  get stored(): number {
    return this.#count(SPOOL.STORED);
  }

  /** Why no event can be accepted at present. */
  get obstacle(): string | undefined {
    if (Atomics.load(this.#words, SPOOL_WORD.FULL) === 0) return undefined;
    return `spool.maxBytes (${this.#settings.maxBytes}) is reached`;
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

  /** Leaves the run to another process, and goes on in a new one. */
  leaveRun(): void {
    if (this.#writer !== undefined) this.#writer.leave();
    else if (this.#worker !== undefined) {
      const name = this.#nameOf(this.#worker);
      name.leave(name.number);
    }
  }

  /** Releases the spool when the client has ended. Removes the run if all its events are settled. Never throws. */
  release(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.end();
    this.#worker = undefined;
    release(worker.directory, this);
  }

  end(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#hasEnded = true;
    this.#writer?.close();
    if (!this.#isKept && this.#pendingEvents?.count === 0)
      removeFolder(`${worker.directory}/${folderOf(this.#nameOf(worker).current)}`);
  }

  /** Takes up the spool again, for an event that a listener has tracked after the end of the process was announced. */
  resume(): void {
    if (!this.#hasEnded || this.#worker === undefined) return;
    this.#hasEnded = false;
    resume(this.#worker.directory);
  }

  #nameOf({ run, holder }: WorkerSpool): SharedRunName {
    const first: RunName = { source: shortSource(this.#source), run, holder };
    return new SharedRunName(first, this.#words);
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
