// One run of an import, with its progress, its state file, signals and outages.
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
import { Repeats } from './repeats.js';
import { SeenFile } from './seen-file.js';
import { listenForSignals } from './signals.js';
import { Silence } from './silence.js';
import type { Source } from './source.js';
import type { Summary } from './summary.js';

/** Milliseconds between updates of the progress, and of the state file. */
const LOOK_MS = 250;
const SAVE_MS = 1_000;

/** Failed lines that are printed if a file has them all. */
const SHOWN_FAILURES = 20;

/** What to import, and how. */
export interface ImportJob {
  /** Where the events go. */
  readonly settings: AnalyticsSettings;
  readonly dryRun: boolean;
  readonly source: Source;
  readonly format: Format;
  /** The type of events that don't name one. */
  readonly usual: EventType | undefined;
  /** Most events per second. */
  readonly rate: number | undefined;
  readonly checkpoint: CheckpointFile | undefined;
  /** State of an earlier run. */
  readonly from: Checkpoint | undefined;
  readonly deadLetter: DeadLetter | undefined;
  readonly secondsOfProgress: number;
}

/** Imports until the end of the input, a signal, or a problem that concerns all events. */
export async function runImport(job: ImportJob): Promise<Summary> {
  const { source, format, checkpoint, deadLetter, dryRun } = job;
  const start = performance.now();
  const progress = new Progress(process.stderr, format.unit, job.secondsOfProgress);
  const analytics = clientFor(job);
  const seen = checkpoint && new SeenFile(`${checkpoint.path}.seen`);
  const importer = importerFor(job, analytics, progress, seen);
  let isOut = false;
  watchOutages(
    analytics,
    ({ message }) => {
      isOut = true;
      progress.note(`The API doesn't accept events (${message}). Retrying.`);
    },
    () => {
      isOut = false;
      progress.note('The API accepts events again.');
    },
  );
  const save = (): string | undefined => {
    try {
      const marks = seen?.save() ?? 0;
      checkpoint?.save(importer.position, importer.counts, marks);
      return undefined;
    } catch (error) {
      return `cannot save the state: ${error instanceof Error ? error.message : error}`;
    }
  };
  const signals = listenForSignals((signal, again) => {
    if (again) {
      save();
      process.exit(EXIT[signal]);
    }
    progress.note(`${signal}: delivering accepted events. Repeat it to stop at once.`);
    importer.stop();
  });
  process.stderr.on('error', () => {
    // When a terminal is closed, a signal comes first.
    importer.stop(signals.received === undefined ? 'stderr was closed' : undefined);
  });
  const silence = new Silence(start);
  // This timer also keeps the process alive until the last replies arrive.
  const look = setInterval(() => {
    progress.update(reachOf(importer, source));
    const isSilent = silence.update(importer.position.line, importer.isWaiting && !isOut, performance.now());
    if (isSilent) progress.note('No answer from the API for 5 seconds. Still waiting.');
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
  if (trouble === undefined && signals.received === undefined) {
    checkpoint?.remove();
    seen?.remove();
  } else {
    const failure = save();
    trouble ??= failure;
  }
  signals.close();
  return {
    ending: trouble !== undefined ? 'stopped' : (signals.received ?? 'done'),
    trouble,
    dryRun,
    ...importer.counts,
    line: importer.position.line,
    unit: format.unit,
    elapsedMs: Math.round(performance.now() - start),
    deadLetter: importer.counts.failed > 0 ? deadLetter?.path : undefined,
    resumable: checkpoint !== undefined,
  };
}

function clientFor({ settings, dryRun }: ImportJob): Analytics {
  return new Analytics({
    ...settings,
    stub: dryRun,
    batchSize: BATCH_EVENTS,
    maxQueueSize: WINDOW_LINES,
    // Far above the bound of the window, which comes first.
    maxQueueBytes: 256 * 1024 * 1024,
    requestTimeout: 30_000,
    flushOnExit: false,
  });
}

function importerFor(
  job: ImportJob,
  analytics: Analytics,
  progress: Progress,
  seen: SeenFile | undefined,
): Importer {
  const { source, format, usual, rate, from, deadLetter } = job;
  const { unit } = format;
  const position = from?.position ?? format.start;
  // State files of earlier versions lack some counts.
  const counts = { delivered: 0, failed: 0, blank: 0, undated: 0, inSeconds: 0, repeated: 0, ...from?.tally };
  if (from !== undefined)
    progress.note(`Continuing after ${unit} ${position.line}, where an earlier run stopped.`);
  const repeats = new Repeats();
  for (const mark of seen?.load(from?.marks ?? 0) ?? []) repeats.add(mark);
  const onMark = (mark: bigint): void => seen?.add(mark);
  let failures = 0;
  const onFailed = (line: Line, code: string, reason: string): void => {
    deadLetter?.add(line, code, reason);
    failures += 1;
    if (failures <= SHOWN_FAILURES || deadLetter === undefined)
      progress.note(`${unit} ${line.number}: ${reason}`);
    if (failures === SHOWN_FAILURES && deadLetter !== undefined) {
      progress.note(`More failures are listed in ${deadLetter.reasonsPath}.`);
    }
  };
  const start = { position, counts, repeats };
  return new Importer({ analytics, source, format, usual, rate, ...start, onMark, onFailed });
}

function reachOf(importer: Importer, { bytesRead, fingerprint }: Source): Reach {
  const { line: lines, offset } = importer.position;
  if (fingerprint === undefined) return { lines, fraction: undefined };
  // Bytes read are ahead of bytes settled. In a gzip file only the former are known.
  const bytes = Math.min(bytesRead, offset);
  return { lines, fraction: fingerprint.size === 0 ? 1 : bytes / fingerprint.size };
}
