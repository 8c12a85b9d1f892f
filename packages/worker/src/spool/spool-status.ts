// What main is told about a client's spool: its state, in the memory that main reads, and reports of problems. Used by
// spool.ts. Next: spool-counters.ts, spool-report.ts.
import type { Loss, SpoolReport, WorkerSpool } from '../protocol.js';
import { SpoolCounters } from './spool-counters.js';
import { failureReport, pauseReport } from './spool-report.js';

/** Milliseconds between two reports of a failing disk. */
const REPORT_MS = 60_000;

export type SpoolMessage =
  | ({ readonly type: 'spool' } & SpoolReport)
  | { readonly type: 'recovered'; readonly count: number }
  | { readonly type: 'stored'; readonly id: number };

/** How main is reached. */
export interface SpoolListener {
  post(message: SpoolMessage): void;
  wakeMain(): void;
}

export class SpoolStatus {
  readonly counters: SpoolCounters;
  readonly #spool: WorkerSpool;
  readonly #listener: SpoolListener;
  #isPaused = false;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(spool: WorkerSpool, listener: SpoolListener) {
    this.counters = new SpoolCounters(spool);
    this.#spool = spool;
    this.#listener = listener;
  }

  /** The events up to `through` are on disk. */
  onStored(through: number): void {
    this.counters.stored = through;
    this.counters.isFailing = false;
    this.#listener.wakeMain();
  }

  /** The `store` message with this id has been carried out, whether it succeeded or not. */
  onStoreEnd(id: number): void {
    this.#listener.post({ type: 'stored', id });
    this.#listener.wakeMain();
  }

  /** The disk fails. */
  onFailure(error: unknown): void {
    this.counters.isFailing = true;
    this.#listener.wakeMain();
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    this.report(failureReport(this.#spool, error));
  }

  /** A setting is wrong, here or at the API: the source pauses. */
  onPause(code: Loss['code'], message: string, status: number | undefined): void {
    this.#setPaused(true);
    this.report(pauseReport(code, message, status));
  }

  /** The API has answered. */
  onResume(): void {
    if (this.#isPaused) this.#setPaused(false);
  }

  /** Events of an earlier process have been delivered. */
  onRecovered(count: number): void {
    this.counters.addRecovered(count);
    this.#listener.post({ type: 'recovered', count });
  }

  report(report: SpoolReport): void {
    this.#listener.post({ type: 'spool', ...report });
    this.#listener.wakeMain();
  }

  #setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.counters.isPaused = isPaused;
  }
}
