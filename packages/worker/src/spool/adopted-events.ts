// Returns the frames of adopted runs, run by run, oldest first. Used by spool.ts. Next: adopted-run.ts.
import { setImmediate } from 'node:timers/promises';
import { textOf } from '../frame/frame.js';
import type { AdoptedRun } from './adopted-run.js';
import type { LostFrames, StoredFrame } from './stored-frame.js';

/** Reported as the number of waiting frames, so that requests are as large as for a backlog. */
const MANY = 1_000_000;

/** Most events that are given up at once, so that the message about them stays small. */
const MAX_LOST = 1_000;

export interface AdoptedEventsOptions {
  /** Whether an event accepted at that time is too old to be sent. */
  readonly isExpired: (time: number) => boolean;
  /** Called when a run is finished. */
  readonly onEnd: (run: AdoptedRun) => void;
}

export class AdoptedEvents {
  readonly #options: AdoptedEventsOptions;
  /** The first run is being sent. */
  #runs: AdoptedRun[] = [];
  /** Settled runs, which may be removed when they haven't grown for a while. */
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
    // Most of the runs found have been sent already. What is left of them shouldn't delay the others.
    if (run.peek() === undefined) this.#retire(run);
    else this.#queue(run);
  }

  /** All runs that aren't finished. */
  get runs(): readonly AdoptedRun[] {
    return [...this.#runs, ...this.#quiet];
  }

  /** The run that is being sent. */
  get current(): AdoptedRun | undefined {
    return this.#runs[0];
  }

  /** When the first waiting event was accepted, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#find()?.time;
  }

  /** A large number, as for a backlog, because the events aren't counted. */
  get length(): number {
    return this.#find() === undefined ? 0 : MANY;
  }

  /** Most events in a request. One if an event of the run may be what ends the processes that send it. */
  get maxBatch(): number {
    return this.current?.isSuspect ? 1 : Number.POSITIVE_INFINITY;
  }

  get next(): number {
    return this.#find()?.sequence ?? Number.POSITIVE_INFINITY;
  }

  /** Has no meaning here, because callers never wait for a particular event. */
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
    return head === undefined || this.current?.isDeadly || this.#options.isExpired(head.time)
      ? undefined
      : head;
  }

  shift(): StoredFrame | undefined {
    const frame = this.peek();
    if (frame !== undefined) this.#take(frame);
    return frame;
  }

  /** Takes the next frames if they can't be sent. */
  takeLost(): LostFrames | undefined {
    const head = this.#find();
    if (head !== undefined && this.current?.isDeadly) {
      this.#take(head);
      return { cause: 'deadly', through: head.sequence, count: 1, frames: [head] };
    }
    const frames: StoredFrame[] = [];
    for (let frame = head; frame !== undefined && frames.length < MAX_LOST; frame = this.#find()) {
      if (!this.#options.isExpired(frame.time)) break;
      frames.push(frame);
      this.#take(frame);
    }
    const through = frames.at(-1)?.sequence;
    return through === undefined ? undefined : { cause: 'expired', through, count: frames.length, frames };
  }

  /** A request with events of the current run begins. */
  start(): void {
    this.current?.start();
  }

  /** The request has failed, and will be repeated. */
  endRequest(): void {
    this.current?.endRequest();
  }

  /** Marks all events of the current run up to `through` as settled. */
  settle(through: number): void {
    const run = this.current;
    if (run === undefined) return;
    run.settle(through);
    if (run.peek() === undefined && this.#taken <= through) this.#endRun(run);
  }

  /** Removes runs that haven't grown for a while, and continues with those that have. */
  async removeQuiet(): Promise<void> {
    for (const run of [...this.#quiet]) {
      // There may be thousands, and meanwhile the thread writes new events.
      await setImmediate();
      if (!this.#quiet.includes(run)) continue;
      this.#quiet.splice(this.#quiet.indexOf(run), 1);
      if (run.peek() !== undefined) this.#queue(run);
      else this.#finish(run);
    }
  }

  /** Returns the number of damaged events since the last call. */
  takeDamaged(): number {
    const damaged = this.#damaged;
    this.#damaged = 0;
    return damaged;
  }

  clear(): void {
    this.#head = undefined;
  }

  /** Closes the runs that aren't finished and returns them, for another client. */
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

  /** Finds the next event of the current run, or of the next run if the current one is settled. */
  #find(): StoredFrame | undefined {
    while (this.#head === undefined) {
      const run = this.current;
      if (run === undefined) return undefined;
      if (!this.#hasBegun) {
        this.#hasBegun = true;
        this.#taken = run.settled;
      }
      const record = run.peek();
      if (record === undefined) {
        // The frames that were taken are in flight.
        if (this.#taken > run.settled) return undefined;
        this.#endRun(run);
        continue;
      }
      const { sequence, time } = record;
      const { identity } = run;
      if (record.kind !== 'whole' && identity === undefined) {
        // No header is valid, and without one the messageId of an event is unknown.
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
    this.#finish(run);
  }

  #queue(run: AdoptedRun): void {
    this.#runs.push(run);
    if (run !== this.current) run.rest();
  }

  #finish(run: AdoptedRun): void {
    if (run.finish()) {
      this.#options.onEnd(run);
      return;
    }
    this.#quiet.push(run);
    run.rest();
  }
}
