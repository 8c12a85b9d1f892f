// A client's spool. It writes the frames that main adds to disk, passes them to delivery, and reports problems of the
// disk to main. Also delivers the runs that other processes have left. Used by index.ts. Next: own-events.ts,
// adopted-events.ts, spool-directory.ts.

import type { Frame } from '../batch/queue.js';
import type { Redact } from '../batch/redact-event.js';
import type { StoredQueue } from '../delivery/delivery.js';
import { stringOf } from '../frame/frame.js';
import { describeOversize } from '../limits.js';
import {
  type DeliverySettings,
  type FrameDefaults,
  type Loss,
  type Outcome,
  SPOOL,
  type SpoolReport,
  type WorkerSpool,
} from '../protocol.js';
import { AdoptedEvents } from './adopted-events.js';
import type { AdoptedRun } from './adopted-run.js';
import { appendDeadLetters } from './dead-letters.js';
import { codeOf } from './file-system.js';
import { OwnEvents } from './own-events.js';
import { OwnRun, type OwnRunOptions } from './own-run.js';
import { AgeClock, isExpired } from './retention.js';
import { deadLettersOf, newRun, type RunName, shortSource } from './run-folder.js';
import { SlabFrames } from './slab-frames.js';
import { sourceOf } from './source.js';
import { type DirectoryClient, directoryAt, type SpoolDirectory } from './spool-directory.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';
import { Turn } from './turn.js';

/** Milliseconds between two reports of a failing disk. */
const REPORT_MS = 60_000;

/** What a spool needs from its thread. */
export interface SpoolHost {
  readonly settings: DeliverySettings;
  readonly spool: WorkerSpool;
  readonly frameDefaults: FrameDefaults;
  readonly redact: Redact | undefined;
  readonly slabs: SlabFrames;
  /** Sequence numbers up to which an earlier worker settled and stored events. */
  readonly settled: number;
  readonly stored: number;
  post(message: SpoolMessage): void;
  wakeMain(): void;
  /** Called when there are adopted events. */
  wakeRecovery(): void;
}

const turns = new Map<string, Turn>();

/** What a spool reports to main. */
type SpoolMessage =
  | ({ readonly type: 'spool' } & SpoolReport)
  | { readonly type: 'recovered'; readonly count: number }
  | { readonly type: 'stored'; readonly id: number };

export class Spool implements DirectoryClient {
  readonly source: string;
  readonly own: OwnEvents;
  readonly adopted: AdoptedEvents;
  /** Allows one request at a time for each source. */
  readonly turn: Turn;
  readonly #host: SpoolHost;
  readonly #directory: SpoolDirectory;
  readonly #counters: BigInt64Array;
  readonly #clock = new AgeClock({ wallTime: Date.now, monotonicTime: () => performance.now() });
  #name: RunName;
  #recovered = 0;
  #damaged = 0;
  /** Whether an attempt has failed for a temporary reason. */
  #hasFailed = false;
  #isPaused = false;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #syncTimer: NodeJS.Timeout | undefined;

  constructor(host: SpoolHost) {
    const { settings, spool, frameDefaults, redact, slabs, settled, stored } = host;
    this.#counters = new BigInt64Array(spool.control);
    const identity = { source: sourceOf(settings.writeKey), frameDefaults };
    this.#host = host;
    this.#directory = directoryAt(spool.directory, spool.holder);
    this.#name = { source: shortSource(identity.source), run: spool.run, holder: spool.holder };
    this.source = this.#name.source;
    this.turn = turns.get(this.source) ?? new Turn();
    turns.set(this.source, this.turn);
    const { fs } = this.#directory;
    const { directory, holder } = spool;
    const run = { fs, directory, holder, identity, wallTime: Date.now };
    const expired = (time: number): boolean => this.#isExpired(time);
    this.own = new OwnEvents({
      ...{ fs, memory: slabs, frameDefaults, redact, settled, stored },
      monotonicTime: () => performance.now(),
      isExpired: expired,
      openRun: (through) => openRun(run, this.#name, through),
      onFailure: (error) => this.onFailure(error),
      onStored: (through) => {
        Atomics.store(this.#counters, SPOOL.STORED, BigInt(through));
        Atomics.store(this.#counters, SPOOL.FAILING, 0n);
        host.wakeMain();
      },
      onLeft: () => {
        this.#name = newRun(identity.source, holder, Date.now());
      },
    });
    this.adopted = new AdoptedEvents({ isExpired: expired, onEnd: () => this.#countBytes(true) });
  }

  /** Starts to look for the runs of other processes. */
  open(): void {
    // Opens what an earlier worker has stored.
    this.own.write();
    this.#directory.add(this);
    this.#countBytes();
  }

  get bytesOnDisk(): number {
    return this.own.bytesOnDisk;
  }

  /** Looks for frames, writes them, and syncs them when it is time. Returns whether there are any. */
  look(): boolean {
    const hasMore = this.own.look();
    if (hasMore) this.#countBytes();
    this.#scheduleSync();
    return hasMore;
  }

  /** Writes and syncs all events, then tells main, whether that succeeded or not. */
  store(id: number): void {
    this.own.look();
    this.own.write(true);
    this.own.sync(() => {
      this.#showState();
      this.#host.post({ type: 'stored', id });
      this.#host.wakeMain();
    });
  }

  /** Settles own events. Returns the outcome to report to main. */
  settleOwn(outcome: Outcome, frames: readonly Frame[]): Outcome {
    this.#resume();
    const told = this.#keep(outcome, frames, this.#name);
    this.own.settle(outcome.through);
    this.#countBytes();
    this.#showOldest();
    return told;
  }

  /** Settles events of an earlier process. */
  settleAdopted(outcome: Outcome, frames: readonly Frame[]): void {
    this.#resume();
    const { current } = this.adopted;
    if (current === undefined) return;
    const told = this.#keep(outcome, frames, current.name);
    this.adopted.settle(outcome.through);
    if (told.type === 'delivered') {
      this.#recovered += frames.length;
      Atomics.store(this.#counters, SPOOL.RECOVERED, BigInt(this.#recovered));
      this.#host.post({ type: 'recovered', count: frames.length });
    } else if (told.type !== 'left') {
      const { code, message, status, attempts, events = [] } = told;
      this.#report({ code, message, status, attempts, events, count: events.length });
    }
    this.#countDamaged(this.adopted.takeDamaged());
    this.#countBytes(true);
    this.#showOldest();
  }

  /** Returns what delivery needs for a queue whose frames are on disk. */
  storedQueue(queue: OwnEvents | AdoptedEvents): StoredQueue {
    const outcomeOf = (lost: LostFrames | undefined) => lost && this.#outcomeOf(lost);
    return {
      turn: this.turn,
      get maxBatch() {
        return queue.maxBatch;
      },
      takeLost: () => outcomeOf(queue.takeLost()),
      expire: (frames) => outcomeOf(this.#expire(frames)),
      onPause: ({ code, message }, status) => this.#onPause(code, message, status),
    };
  }

  #outcomeOf({ cause, through, count, frames, bytes = 0 }: LostFrames): Outcome {
    if (cause === 'left') return { type: 'left', through };
    const events = frames.map(({ text }) => stringOf(text));
    const loss = { type: 'dropped', through, status: undefined, attempts: 0, events } as const;
    if (cause === 'oversize') return { ...loss, code: 'event_too_large', message: describeOversize(bytes) };
    if (cause === 'expired') {
      const message = `Events were older than the ${this.#host.spool.maxAge} ms of spool.maxAge before they could be sent`;
      return { ...loss, code: 'spool_expired', message };
    }
    this.#countDamaged(count);
    const message = `Events in ${this.#host.spool.directory} can't be read back: what is there is not what was written`;
    return { ...loss, code: 'spool_damaged', message };
  }

  /** Returns the batch as lost if all of it became too old during the attempts. */
  #expire(frames: readonly Frame[]): LostFrames | undefined {
    const all = frames as readonly StoredFrame[];
    const last = all.at(-1);
    if (last === undefined || !all.every(({ time }) => this.#isExpired(time))) return undefined;
    return { cause: 'expired', through: last.sequence, count: all.length, frames: all };
  }

  /** Called when an attempt has failed for a temporary reason. */
  onPostponed(): void {
    this.#resume();
    this.#hasFailed = true;
  }

  /** Called when a setting is wrong, here or at the API: the source pauses. */
  #onPause(code: Loss['code'], message: string, status: number | undefined): void {
    this.#isPaused = true;
    Atomics.store(this.#counters, SPOOL.PAUSED, 1n);
    this.#report({
      code,
      message: `${message}. Events wait on the disk; it is tried again every minute`,
      status,
      attempts: 1,
    });
    this.#host.wakeMain();
  }

  adoptRun(run: AdoptedRun): void {
    this.adopted.push(run);
    for (const [path, reason] of run.leftAlone) this.#reportLeftAlone(path, reason);
    this.#host.wakeRecovery();
    this.#showOldest();
  }

  tidy(): void {
    this.adopted.removeQuiet();
    this.#host.wakeRecovery();
    this.#countBytes();
  }

  onForeign(count: number): void {
    const message = `${count} runs in ${this.#host.spool.directory} were written under other write keys, and are not sent; \`offthread spool replay --write-key\` sends them`;
    this.#report({ code: 'spool_foreign', message, count });
  }

  onFailure(error: unknown): void {
    Atomics.store(this.#counters, SPOOL.FAILING, 1n);
    this.#host.wakeMain();
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    const cause = error instanceof Error ? error.message : String(error);
    const message = `The spool in ${this.#host.spool.directory} fails: ${cause}. Events go on in memory, and the disk is tried again`;
    this.#report({ code: 'spool_failed', message, cause });
  }

  close(): void {
    clearTimeout(this.#syncTimer);
    const isLeft = this.own.hasUnsettled;
    this.own.close();
    const adopted = this.adopted.close().map(({ name }) => name);
    this.#directory.delete(this, isLeft ? [this.#name, ...adopted] : adopted);
  }

  #report(report: SpoolReport): void {
    this.#host.post({ type: 'spool', ...report });
    this.#host.wakeMain();
  }

  #isExpired(time: number): boolean {
    // Called for every event, so the cheap check comes first.
    if (!this.#hasFailed) return false;
    return isExpired(time, this.#clock.now(), this.#host.spool.maxAge, this.#hasFailed);
  }

  #scheduleSync(): void {
    const { syncInterval, syncAfter } = this.#host.spool;
    const unsynced = this.own.last - this.own.stored;
    if (unsynced <= 0) return;
    if (syncInterval === 0 || unsynced >= syncAfter) {
      if (!this.own.isSyncing) this.#sync();
    } else this.#syncTimer ??= setTimeout(() => this.#sync(), syncInterval);
  }

  #sync(): void {
    clearTimeout(this.#syncTimer);
    this.#syncTimer = undefined;
    this.own.sync(() => this.#showState());
  }

  #showState(): void {
    Atomics.store(this.#counters, SPOOL.FAILING, this.own.isFailing ? 1n : 0n);
    this.#countBytes();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    Atomics.store(this.#counters, SPOOL.PAUSED, 0n);
  }

  /** Adds the events to a loss, and writes those that the API refused to the dead letters. */
  #keep(outcome: Outcome, frames: readonly Frame[], run: RunName): Outcome {
    if (outcome.type !== 'failed' && outcome.type !== 'dropped') return outcome;
    const events = outcome.events ?? frames.map(({ text }) => stringOf(text));
    if (outcome.code === 'rejected') this.#putAside(outcome, events, run);
    return { ...outcome, events };
  }

  #putAside({ code, status, message }: Loss, events: readonly string[], run: RunName): void {
    const path = `${this.#host.spool.directory}/${deadLettersOf(run)}`;
    const letters = events.map((event) => ({ event, code, status, message, time: Date.now() }));
    try {
      appendDeadLetters(this.#directory.fs, path, letters);
    } catch (error) {
      this.onFailure(error);
    }
  }

  #reportLeftAlone(path: string, reason: unknown): void {
    const isForeign = typeof reason === 'number';
    const why = isForeign
      ? `has format ${reason}, which this version doesn't know`
      : `can't be read: ${reason}`;
    this.#report({
      code: isForeign ? 'spool_foreign' : 'spool_damaged',
      message: `${path} ${why}; it is left there`,
    });
  }

  #countDamaged(count: number): void {
    if (count === 0) return;
    this.#damaged += count;
    Atomics.store(this.#counters, SPOOL.DAMAGED, BigInt(this.#damaged));
  }

  #countBytes(hasShrunk = false): void {
    const isFull = Atomics.load(this.#counters, SPOOL.BYTES) >= BigInt(this.#host.spool.maxBytes);
    const bytes = this.#directory.bytesOf(this.source, hasShrunk || isFull);
    Atomics.store(this.#counters, SPOOL.BYTES, BigInt(bytes));
  }

  #showOldest(): void {
    const times = [this.own.oldest, this.adopted.oldest].filter((time) => time !== undefined);
    const oldest = times.length === 0 ? 0 : Math.max(0, Math.floor(Math.min(...times)));
    Atomics.store(this.#counters, SPOOL.OLDEST, BigInt(oldest));
  }
}

// Exported here because both are loaded only if a client has a spool.
export { SlabFrames };

/** Opens the run that an earlier worker has started, or creates one with that name. */
function openRun(options: OwnRunOptions, name: RunName, stored: number): OwnRun {
  try {
    return OwnRun.open(options, name, stored);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return OwnRun.create(options, stored, name);
  }
}
