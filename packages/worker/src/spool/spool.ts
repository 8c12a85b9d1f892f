// A client's spool. It writes the frames that main adds to disk and passes them to delivery. Also delivers the runs that
// other processes have left. Used by index.ts. Next: own-events.ts, adopted-events.ts, spool-directory.ts,
// spool-status.ts.

import type { Frame } from '../batch/queue.js';
import type { Redact } from '../batch/redact-event.js';
import type { StoredQueue } from '../delivery/delivery.js';
import { stringOf } from '../frame/frame.js';
import type { DeliverySettings, FrameDefaults, Outcome, WorkerSpool } from '../protocol.js';
import { AdoptedEvents } from './adopted-events.js';
import type { AdoptedRun } from './adopted-run.js';
import { appendDeadLetters, isUnsendable, lettersOf } from './dead-letters.js';
import { lostOutcome } from './lost-outcome.js';
import { OwnEvents } from './own-events.js';
import { OwnRun } from './own-run.js';
import { AgeClock, isExpired } from './retention.js';
import { deadLettersOf, folderOf, type RunName, shortSource } from './run-folder.js';
import { SharedRunName } from './shared-run-name.js';
import { SlabFrames } from './slab-frames.js';
import { sourceOf } from './source.js';
import { type DirectoryClient, directoryAt, type SpoolDirectory } from './spool-directory.js';
import { foreignReport, leftAloneReport } from './spool-report.js';
import { type SpoolListener, SpoolStatus } from './spool-status.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';
import { StrictRun } from './strict-run.js';
import { SyncSchedule } from './sync-schedule.js';
import { Turn } from './turn.js';

/**
 * Milliseconds between two writes of the cursor and two counts of the bytes. SIGKILL can have the events settled in this
 * time sent again, which the API recognizes. Each write costs as much as that of ten events.
 */
const SAVE_MS = 100;

/** What a spool needs from its thread. */
export interface SpoolHost extends SpoolListener {
  readonly settings: DeliverySettings;
  readonly spool: WorkerSpool;
  readonly frameDefaults: FrameDefaults;
  readonly redact: Redact | undefined;
  readonly slabs: SlabFrames;
  /** Sequence numbers up to which an earlier worker settled and stored events. */
  readonly settled: number;
  readonly stored: number;
  /** Called when there are adopted events. */
  wakeRecovery(): void;
}

const turns = new Map<string, Turn>();

export class Spool implements DirectoryClient {
  readonly source: string;
  readonly own: OwnEvents;
  readonly adopted: AdoptedEvents;
  /** Allows one request at a time for each source. */
  readonly turn: Turn;
  readonly #host: SpoolHost;
  readonly #directory: SpoolDirectory;
  readonly #status: SpoolStatus;
  readonly #clock = new AgeClock({ wallTime: Date.now, monotonicTime: () => performance.now() });
  readonly #name: SharedRunName;
  readonly #syncs: SyncSchedule;
  /** Whether an attempt has failed for a temporary reason. */
  #hasFailed = false;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(host: SpoolHost) {
    const { settings, spool, frameDefaults, redact, slabs, settled, stored } = host;
    this.#status = new SpoolStatus(spool, host);
    const { directory, holder, run, strict, control } = spool;
    const identity = { source: sourceOf(settings.writeKey), frameDefaults };
    this.#host = host;
    this.#directory = directoryAt(directory, holder);
    this.source = shortSource(identity.source);
    const name = new SharedRunName({ source: this.source, run, holder }, new Int32Array(control));
    this.#name = name;
    this.turn = turns.get(this.source) ?? new Turn();
    turns.set(this.source, this.turn);
    const { fs } = this.#directory;
    const files = { fs, directory, holder, identity, wallTime: Date.now };
    const expired = (time: number): boolean => this.#isExpired(time);
    /** The number of the run that is being written. */
    let number = name.number;
    this.own = new OwnEvents({
      ...{ fs, memory: slabs, frameDefaults, redact, settled, stored },
      monotonicTime: () => performance.now(),
      isExpired: expired,
      openRun(through) {
        number = name.number;
        if (!strict) return OwnRun.openOrCreate(files, name.current, through);
        const isFirst = name.open();
        return new StrictRun(files, name.current, through, () => slabs.last, !isFirst);
      },
      onFailure: (error) => this.onFailure(error),
      onStored: (through) => this.#status.onStored(through),
      onLeft: () => name.leave(number),
    });
    this.#syncs = new SyncSchedule(this.own, spool, () => this.#showState());
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
    this.own.write();
    this.#syncs.update();
    const now = performance.now();
    if (now - this.#savedAt >= SAVE_MS) {
      this.#savedAt = now;
      this.#save();
    }
    return hasMore;
  }

  /** Called when the thread stops to look, because there is nothing to do. */
  rest(): void {
    this.#save();
  }

  #save(): void {
    this.own.save();
    this.#countBytes();
  }

  /** Writes and syncs all events, then tells main, whether that succeeded or not. */
  store(id: number): void {
    this.own.look();
    this.own.write(true);
    this.own.sync(() => {
      this.#showState();
      this.#status.onStoreEnd(id);
    });
  }

  /** Settles own events. Returns the outcome to report to main. */
  settleOwn(outcome: Outcome, frames: readonly Frame[]): Outcome {
    this.#status.onResume();
    this.#host.slabs.keep(true);
    const told = this.#keep(outcome, frames, this.#name.current);
    this.own.settle(outcome.through);
    this.#showOldest();
    return told;
  }

  /** Settles events of an earlier process. */
  settleAdopted(outcome: Outcome, frames: readonly Frame[]): void {
    this.#status.onResume();
    const { current } = this.adopted;
    if (current === undefined) return;
    const told = this.#keep(outcome, frames, current.name);
    this.adopted.settle(outcome.through);
    if (told.type === 'delivered') this.#status.onRecovered(frames.length);
    else if (told.type !== 'left') {
      const { code, message, status, attempts, events = [] } = told;
      this.#status.report({ code, message, status, attempts, events, count: events.length });
    }
    this.#status.counters.addDamaged(this.adopted.takeDamaged());
    this.#countBytes(true);
    this.#showOldest();
  }

  /** Called when a request with events of an earlier process begins. */
  onAdoptedRequest(): void {
    this.adopted.start();
  }

  /** Called when such a request has failed for a temporary reason. */
  onAdoptedPostponed(): void {
    this.adopted.endRequest();
    this.onPostponed();
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
      onPause: ({ code, message }, status) => {
        if (queue === this.adopted) this.adopted.endRequest();
        this.#host.slabs.keep(false);
        this.#status.onPause(code, message, status);
      },
    };
  }

  #outcomeOf(lost: LostFrames): Outcome {
    if (lost.cause === 'damaged') this.#status.counters.addDamaged(lost.count);
    return lostOutcome(lost, this.#host.spool);
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
    this.#status.onResume();
    this.#hasFailed = true;
    this.#host.slabs.keep(false);
  }

  adoptRun(run: AdoptedRun): void {
    this.adopted.push(run);
    for (const [path, reason] of run.leftAlone) this.#status.report(leftAloneReport(path, reason));
    this.#host.wakeRecovery();
    this.#showOldest();
  }

  has(run: RunName): boolean {
    const name = folderOf(run);
    return [this.#name.current, ...this.adopted.runs.map((each) => each.name)].some(
      (each) => folderOf(each) === name,
    );
  }

  async tidy(): Promise<void> {
    await this.adopted.removeQuiet();
    this.#host.wakeRecovery();
    this.#countBytes();
  }

  onCount(): void {
    this.#countBytes();
  }

  onForeign(count: number): void {
    this.#status.report(foreignReport(this.#host.spool, count));
  }

  onFailure(error: unknown): void {
    this.#status.onFailure(error);
  }

  close(): void {
    this.#syncs.stop();
    // Main may have stored events that this thread hasn't seen.
    if (this.#host.spool.strict) {
      this.own.look();
      this.own.write();
    }
    const isLeft = this.own.hasUnsettled;
    this.own.close();
    const adopted = this.adopted.close().map(({ name }) => name);
    this.#directory.delete(this, isLeft ? [this.#name.current, ...adopted] : adopted);
  }

  #isExpired(time: number): boolean {
    // Called for every event, so the cheap check comes first.
    if (!this.#hasFailed) return false;
    return isExpired(time, this.#clock.now(), this.#host.spool.maxAge, this.#hasFailed);
  }

  #showState(): void {
    this.#status.counters.isFailing = this.own.isFailing;
    this.#countBytes();
  }

  /** Adds the events to a loss, and writes those that can't be sent to the dead letters. */
  #keep(outcome: Outcome, frames: readonly Frame[], run: RunName): Outcome {
    if (outcome.type !== 'failed' && outcome.type !== 'dropped') return outcome;
    const loss = { ...outcome, events: outcome.events ?? frames.map(({ text }) => stringOf(text)) };
    if (!isUnsendable(loss)) return loss;
    const path = `${this.#host.spool.directory}/${deadLettersOf(run)}`;
    try {
      appendDeadLetters(this.#directory.fs, path, lettersOf(loss, Date.now()));
    } catch (error) {
      this.onFailure(error);
    }
    return loss;
  }

  #countBytes(hasShrunk = false): void {
    const { counters } = this.#status;
    counters.bytes = this.#directory.bytesOf(this.source, hasShrunk || counters.isFull);
  }

  #showOldest(): void {
    const times = [this.own.oldest, this.adopted.oldest].filter((time) => time !== undefined);
    this.#status.counters.oldest = times.length === 0 ? undefined : Math.min(...times);
  }
}

// Exported here because both are loaded only if a client has a spool.
export { SlabFrames };
