// Sends the lines of an input, and tracks up to which line all are settled.
//
//   reading -> draining            end of the input, an error while reading it, or a signal
//   reading, draining -> halted    a problem that concerns all events
import { setTimeout as delay } from 'node:timers/promises';
import { type Analytics, type AnalyticsError, type EventType, ValidationError } from '@offthread/sdk';
import { leaveAsGiven } from '@offthread/sdk/as-given';
import { dispatch } from '../dispatch.js';
import type { ImportCounts } from './checkpoint.js';
import { readLine } from './event-line.js';
import type { Format } from './format.js';
import type { Line, Position } from './lines.js';
import { type Outcome, outcomeOf } from './outcome.js';
import { Pace } from './pace.js';
import { markOf, type Repeats } from './repeats.js';
import type { Source } from './source.js';
import { Window } from './window.js';

/** Events per request. Unless they are small, a request reaches the limit of 500 KB first. */
export const BATCH_EVENTS = 1_000;

/** Most lines in flight, so that the next batches are ready when a reply arrives. */
export const WINDOW_LINES = 4 * BATCH_EVENTS;

/** Fewest lines in flight at a low rate, so that the import doesn't wait for each reply. */
const MIN_WINDOW_LINES = 10;

/** Most bytes of lines in flight: 8 MiB, sixteen full requests. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** Milliseconds to deliver accepted events after a signal. */
const STOP_TIMEOUT_MS = 15_000;

export interface ImporterOptions {
  readonly analytics: Analytics;
  readonly source: Source;
  readonly format: Format;
  /** The type of events that don't name one. */
  readonly usual: EventType | undefined;
  readonly rate: number | undefined;
  readonly position: Position;
  readonly counts: ImportCounts;
  /** The events of earlier runs, to which those of this one are added. */
  readonly repeats: Repeats;
  /** Called with the mark of each settled event that was made its messageId, in order. */
  readonly onMark: (mark: bigint) => void;
  /** Called for failed lines, in order. If it throws, the import halts before that line. */
  readonly onFailed: (line: Line, code: string, reason: string) => void;
}

/** One run of an import. */
export class Importer {
  readonly #options: ImporterOptions;
  readonly #counts: ImportCounts;
  readonly #window: Window;
  readonly #pace: Pace;
  readonly #abort = new AbortController();
  #position: Position;
  #trouble: string | undefined;
  #halted = false;

  constructor(options: ImporterOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#counts = { ...options.counts };
    this.#pace = new Pace(options.rate);
    // With a rate, one second's worth: everything in flight is sent at once when a slow API recovers.
    const lines = Math.min(WINDOW_LINES, Math.max(MIN_WINDOW_LINES, options.rate ?? WINDOW_LINES));
    this.#window = new Window(lines, WINDOW_BYTES, (...settled) => this.#settle(...settled));
  }

  /** All lines up to here are settled. */
  get position(): Position {
    return this.#position;
  }

  get counts(): Readonly<ImportCounts> {
    return this.#counts;
  }

  /** Resolves when all lines are settled, or with the reason why they aren't. Never rejects. */
  async run(): Promise<string | undefined> {
    const { analytics, source, format } = this.#options;
    const { signal } = this.#abort;
    try {
      const { offset } = this.#position;
      for await (const lines of format.lines(source.read(offset, signal), this.#position)) {
        for (const line of lines) {
          while (!signal.aborted && !this.#window.hasRoom) await this.#window.changed();
          if (signal.aborted) break;
          await this.#take(line);
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      this.#trouble ??= `cannot read on: ${messageOf(error)}`;
    }
    while (!signal.aborted && this.#window.size > 0) await this.#window.changed();
    await analytics.close(this.#halted ? 0 : STOP_TIMEOUT_MS);
    return this.#trouble;
  }

  /** Whether lines are in flight. */
  get isWaiting(): boolean {
    return this.#window.size > 0;
  }

  /** Stops reading, and waits a while for accepted events. `trouble` is the reason, unless the user asked for it. */
  stop(trouble?: string): void {
    this.#trouble ??= trouble;
    this.#abort.abort();
    this.#window.wake();
  }

  /** Stops without waiting for accepted events. */
  halt(trouble: string): void {
    this.#halted = true;
    this.stop(trouble);
  }

  async #take(line: Line): Promise<void> {
    const { analytics, format, usual, repeats } = this.#options;
    const reading = readLine(line, format, usual);
    if (reading.type === 'event') await this.#waitForTurn();
    if (this.#abort.signal.aborted) return;
    const digest = reading.type === 'event' ? reading.digest : undefined;
    const mark = digest && markOf(digest);
    const entry = this.#window.add(line, mark);
    if (reading.type === 'blank') return this.#window.settle(entry, { type: 'skipped' });
    if (reading.type === 'unreadable') {
      const { code, reason } = reading;
      return this.#window.settle(entry, { type: 'failed', code, reason });
    }
    const { event, fields } = reading;
    const { timestamp } = fields;
    const isRepeated = mark !== undefined && repeats.add(mark);
    const settle = (error: AnalyticsError | undefined): void => {
      const outcome = outcomeOf(error);
      if (outcome.type === 'open') return;
      if (outcome.type === 'halt') {
        this.halt(outcome.trouble);
        return;
      }
      if (outcome.type === 'delivered') {
        if (timestamp == null) this.#counts.undated += 1;
        else if (looksLikeSeconds(timestamp)) this.#counts.inSeconds += 1;
        if (isRepeated) this.#counts.repeated += 1;
      }
      this.#window.settle(entry, outcome);
    };
    try {
      dispatch(analytics, event, leaveAsGiven(fields), settle);
    } catch (error) {
      if (error instanceof ValidationError) return settle(error);
      // An unexpected error concerns this event only.
      this.#window.settle(entry, { type: 'failed', code: 'unserializable', reason: messageOf(error) });
    }
  }

  /** Called in the order of the input. */
  #settle(line: Line, outcome: Outcome, mark: bigint | undefined): boolean {
    if (outcome.type === 'failed') {
      try {
        this.#options.onFailed(line, outcome.code, outcome.reason);
      } catch (error) {
        this.halt(`cannot write a failed line: ${messageOf(error)}`);
        return false;
      }
      this.#counts.failed += 1;
    } else if (outcome.type === 'skipped') this.#counts.blank += 1;
    else this.#counts.delivered += 1;
    if (mark !== undefined) this.#options.onMark(mark);
    this.#position = { line: line.number, offset: line.end };
    return true;
  }

  async #waitForTurn(): Promise<void> {
    const { signal } = this.#abort;
    for (let wait = this.#pace.wait(performance.now()); wait > 0; wait = this.#pace.wait(performance.now())) {
      await delay(wait, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
    }
  }
}

/**
 * Whether a number is probably a time in seconds, from 1973 to 5138. As milliseconds, it would be between 1970 and
 * 1973.
 */
function looksLikeSeconds(timestamp: unknown): boolean {
  return typeof timestamp === 'number' && Math.abs(timestamp) >= 1e8 && Math.abs(timestamp) < 1e11;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
