// In: an input, and what is known of an earlier run. Out: its events sent, and how that went. Next: importer.ts;
// commands/import.ts prints the summary.
import { Analytics, type AnalyticsSettings, type EventType } from '@offthread/sdk';
import { watchOutages } from '../outage.js';
import { EXIT } from '../usage.js';
import type { Checkpoint, CheckpointFile } from './checkpoint.js';
import type { DeadLetter } from './dead-letter.js';
import type { Format } from './format.js';
import { BATCH_EVENTS, Importer, WINDOW_LINES } from './importer.js';
import type { Line } from './lines.js';
import type { Reach } from './meter.js';
import { Progress } from './progress.js';
import { listenForSignals } from './signals.js';
import { Silence } from './silence.js';
import type { Source } from './source.js';
import type { Summary } from './summary.js';

/** Milliseconds between two looks at how far it is, and between two writings of that beside the input. */
const LOOK_MS = 250;
const SAVE_MS = 1_000;

/** Failed lines that are told of one by one while there is a file that has them all. */
const SHOWN_FAILURES = 20;

/** What is to be imported, and how. */
export interface ImportJob {
  /** Where the events go. */
  readonly settings: AnalyticsSettings;
  readonly dryRun: boolean;
  readonly source: Source;
  readonly format: Format;
  /** The type of events that name none. */
  readonly usual: EventType | undefined;
  /** Most events a second. */
  readonly rate: number | undefined;
  readonly checkpoint: CheckpointFile | undefined;
  /** What an earlier run left. */
  readonly from: Checkpoint | undefined;
  readonly deadLetter: DeadLetter | undefined;
  readonly secondsOfProgress: number;
}

/** Imports until the end, until a signal, or until something is wrong that concerns all events. */
export async function runImport(job: ImportJob): Promise<Summary> {
  const { source, format, checkpoint, deadLetter, dryRun } = job;
  const start = performance.now();
  const progress = new Progress(process.stderr, format.unit, job.secondsOfProgress);
  const analytics = clientFor(job);
  const importer = importerFor(job, analytics, progress);
  let isOut = false;
  watchOutages(
    analytics,
    ({ message }) => {
      isOut = true;
      progress.note(`The API takes no events at present (${message}). Trying again.`);
    },
    () => {
      isOut = false;
      progress.note('The API takes events again.');
    },
  );
  const save = (): string | undefined => {
    try {
      checkpoint?.save(importer.position, importer.tally);
      return undefined;
    } catch (error) {
      return `it cannot be written down how far the import is: ${error instanceof Error ? error.message : error}`;
    }
  };
  const signals = listenForSignals((signal, again) => {
    if (again) {
      save();
      process.exit(EXIT[signal]);
    }
    progress.note(`${signal}: finishing what was accepted. Once more to stop at once.`);
    importer.stop();
  });
  process.stderr.on('error', () => {
    // With the terminal stderr is gone as well.
    importer.stop(signals.received === undefined ? 'nobody reads stderr any more' : undefined);
  });
  const silence = new Silence(start);
  // Also what holds the process open while the last replies are waited for.
  const look = setInterval(() => {
    progress.update(reachOf(importer, source));
    const isSilent = silence.update(importer.position.line, importer.isWaiting && !isOut, performance.now());
    if (isSilent) progress.note('No answer from the API so far. Still waiting.');
  }, LOOK_MS);
  const write = setInterval(() => {
    const failure = save();
    if (failure !== undefined) importer.halt(failure);
  }, SAVE_MS);

  let trouble = await importer.run();
  clearInterval(look);
  clearInterval(write);
  progress.stop();
  deadLetter?.close();
  if (trouble === undefined && signals.received === undefined) checkpoint?.remove();
  else {
    const failure = save();
    trouble ??= failure;
  }
  signals.close();
  return {
    ending: trouble !== undefined ? 'stopped' : (signals.received ?? 'done'),
    trouble,
    dryRun,
    ...importer.tally,
    line: importer.position.line,
    unit: format.unit,
    elapsedMs: Math.round(performance.now() - start),
    deadLetter: importer.tally.failed > 0 ? deadLetter?.path : undefined,
    resumable: checkpoint !== undefined,
  };
}

function clientFor({ settings, dryRun }: ImportJob): Analytics {
  return new Analytics({
    ...settings,
    stub: dryRun,
    batchSize: BATCH_EVENTS,
    maxQueueSize: WINDOW_LINES,
    // Far above what the window lets through, so that the window is the only bound.
    maxQueueBytes: 256 * 1024 * 1024,
    requestTimeout: 30_000,
    flushOnExit: false,
  });
}

function importerFor(job: ImportJob, analytics: Analytics, progress: Progress): Importer {
  const { source, format, usual, rate, from, deadLetter } = job;
  const { unit } = format;
  const position = from?.position ?? format.start;
  // What an earlier version left lacks a count.
  const tally = { delivered: 0, failed: 0, blank: 0, undated: 0, inSeconds: 0, repeated: 0, ...from?.tally };
  if (from !== undefined)
    progress.note(`Going on after ${unit} ${position.line}, where an earlier run stopped.`);
  let failures = 0;
  const onFailed = (line: Line, code: string, reason: string): void => {
    deadLetter?.add(line, code, reason);
    failures += 1;
    if (failures <= SHOWN_FAILURES || deadLetter === undefined)
      progress.note(`${unit} ${line.number}: ${reason}`);
    if (failures === SHOWN_FAILURES && deadLetter !== undefined) {
      progress.note(`Further failures are in ${deadLetter.reasonsPath} only.`);
    }
  };
  return new Importer({ analytics, source, format, usual, rate, position, tally, onFailed });
}

function reachOf(importer: Importer, { bytesRead, fingerprint }: Source): Reach {
  const { line: lines, offset } = importer.position;
  if (fingerprint === undefined) return { lines, fraction: undefined };
  // Bytes that were read run ahead of those settled, but in a gzip file nobody knows where the latter are.
  const bytes = Math.min(bytesRead, offset);
  return { lines, fraction: fingerprint.size === 0 ? 1 : bytes / fingerprint.size };
}
