// Runs that were adopted -> frames to send, run by run, oldest first. Used by spool.ts. Next: adopted-run.ts.
import { textOf } from '../frame/frame.js';
import type { AdoptedRun } from './adopted-run.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';

/** What is told to wait, so that requests are as large as behind a backlog. */
const MANY = 1_000_000;

/** Events that are given up at once, so that what is told of them stays small. */
const MAX_LOST = 1_000;

export interface AdoptedEventsOptions {
  /** Whether an event of that time is too old to be sent. */
  readonly isExpired: (time: number) => boolean;
  /** A run is done with. */
  readonly onEnd: (run: AdoptedRun) => void;
}

export class AdoptedEvents {
  readonly #options: AdoptedEventsOptions;
  /** The first one is being sent. */
  #runs: AdoptedRun[] = [];
  /** Those that are settled, and may be removed when they have not grown for a while. */
  #quiet: AdoptedRun[] = [];
  #hasBegun = false;
  #taken = 0;
  #damaged = 0;
  #head: StoredFrame | undefined;
  readonly isFilling = false;

  constructor(options: AdoptedEventsOptions) {
    this.#options = options;
  }

  push(run: AdoptedRun): void {
    // Most that are found have been sent: what is left of them is not to hold up the others.
    if (run.peek() === undefined) this.#retire(run);
    else this.#runs.push(run);
  }

  /** All runs that are not done with. */
  get runs(): readonly AdoptedRun[] {
    return [...this.#runs, ...this.#quiet];
  }

  /** The run that is being sent. */
  get current(): AdoptedRun | undefined {
    return this.#runs[0];
  }

  /** When the first event that waits was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#find()?.time;
  }

  /** As many as behind a backlog: nobody has counted them. */
  get length(): number {
    return this.#find() === undefined ? 0 : MANY;
  }

  /** Most events in a request: one, if one of them may be what ends the processes that send it. */
  get maxBatch(): number {
    return this.current?.isSuspect ? 1 : Number.POSITIVE_INFINITY;
  }

  get next(): number {
    return this.#find()?.sequence ?? Number.POSITIVE_INFINITY;
  }

  /** Nobody waits for a certain one of them. */
  get last(): number {
    return 0;
  }

  get bytes(): number {
    return 0;
  }

  look(): boolean {
    return false;
  }

  peek(): StoredFrame | undefined {
    const head = this.#find();
    return head === undefined || this.#options.isExpired(head.time) ? undefined : head;
  }

  shift(): StoredFrame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#take(frame);
    return frame;
  }

  /** Takes out what comes next and can't be sent. */
  takeLost(): LostFrames | undefined {
    const frames: StoredFrame[] = [];
    for (let frame = this.#find(); frame !== undefined && frames.length < MAX_LOST; frame = this.#find()) {
      if (!this.#options.isExpired(frame.time)) break;
      frames.push(frame);
      this.#take(frame);
    }
    const through = frames.at(-1)?.sequence;
    return through === undefined ? undefined : { cause: 'expired', through, count: frames.length, frames };
  }

  /** All events of the current run up to `through` are settled. */
  settle(through: number): void {
    const run = this.current;
    if (run === undefined) return;
    run.settle(through);
    if (run.peek() === undefined && this.#taken <= through) this.#endRun(run);
  }

  /** Removes runs that have not grown for a while; goes on with those that have. */
  removeQuiet(): void {
    for (const run of this.#quiet.splice(0)) {
      if (run.peek() !== undefined) this.#runs.push(run);
      else if (run.finish()) this.#options.onEnd(run);
      else this.#quiet.push(run);
    }
  }

  /** Damaged events since the last call. */
  takeDamaged(): number {
    const damaged = this.#damaged;
    this.#damaged = 0;
    return damaged;
  }

  clear(): void {
    this.#head = undefined;
  }

  /** Gives the runs out that are not done with, closed, for another client. */
  close(): AdoptedRun[] {
    const runs = [...this.runs];
    for (const run of runs) run.close();
    this.#runs = [];
    this.#quiet = [];
    return runs;
  }

  #take({ sequence }: StoredFrame): void {
    this.current?.shift();
    this.#taken = sequence;
    this.#head = undefined;
  }

  /** The next event of the current run; of the next run, once all of this one is settled. */
  #find(): StoredFrame | undefined {
    while (this.#head === undefined) {
      const run = this.current;
      if (run === undefined) return undefined;
      if (!this.#hasBegun) {
        this.#hasBegun = true;
        this.#taken = run.settled;
        run.start();
      }
      const record = run.peek();
      if (record === undefined) {
        // What was taken is on its way.
        if (this.#taken > run.settled) return undefined;
        this.#endRun(run);
        continue;
      }
      const { sequence, time } = record;
      const { identity } = run;
      if (record.kind !== 'whole' && identity === undefined) {
        // No header holds, and without one nobody knows its messageId.
        run.shift();
        this.#damaged++;
        continue;
      }
      const frameDefaults = identity?.frameDefaults ?? { idPrefix: '', library: '' };
      this.#head = { sequence, time, text: textOf(record, sequence, frameDefaults) };
    }
    return this.#head;
  }

  #endRun(run: AdoptedRun): void {
    this.#runs.shift();
    this.#hasBegun = false;
    this.#taken = 0;
    this.#retire(run);
  }

  #retire(run: AdoptedRun): void {
    this.#damaged += run.damaged;
    if (run.finish()) this.#options.onEnd(run);
    else this.#quiet.push(run);
  }
}
