// Reads what is in a spool directory without changing anything. Used by the command line.
import { stringOf, textOf } from '../frame/frame.js';
import { survey } from './adoption.js';
import { CURSOR_FILE, readCursor } from './cursor.js';
import { type FileSystem, nodeFileSystem, readFully } from './file-system.js';
import { HolderWatch } from './holder-watch.js';
import { folderOf, type RunName, segmentsOf } from './run-folder.js';
import { RunReader } from './run-reader.js';
import { type RunIdentity, readHeader } from './segment.js';

/** A run, and whether a live process holds it. That process sends it. */
export interface FoundRun extends RunName {
  readonly isHeld: boolean;
}

/** What a run contains. */
export interface RunReport extends FoundRun {
  /** Number of waiting events. */
  readonly events: number;
  readonly bytes: number;
  /** When the first and the last of them were accepted, in milliseconds since 1970. */
  readonly oldest: number | undefined;
  readonly newest: number | undefined;
  /** Events that can't be read. */
  readonly damaged: number;
  /** Segments that this version can't read, with the reason. */
  readonly leftAlone: Readonly<Record<string, string>>;
}

/**
 * Returns the runs in a directory, oldest first, and whether a live process holds them. A holder on another machine
 * counts as alive.
 */
export async function findRuns(directory: string): Promise<FoundRun[]> {
  const { runs, holders } = survey(nodeFileSystem, directory);
  const dead = await new HolderWatch({ directory, monotonicTime: () => performance.now() }).findDead(holders);
  return runs.map((run) => ({ ...run, isHeld: !dead.has(run.holder) }));
}

export function inspectRun(directory: string, run: FoundRun): RunReport {
  const path = `${directory}/${folderOf(run)}`;
  const { settled } = openCursor(nodeFileSystem, path);
  const reader = new RunReader(nodeFileSystem, path, settled);
  let events = 0;
  let oldest: number | undefined;
  let newest: number | undefined;
  for (let record = reader.shift(); record !== undefined; record = reader.shift()) {
    events++;
    oldest ??= record.time;
    newest = record.time;
  }
  const { damaged, foreign, unreadable } = reader;
  reader.close();
  const leftAlone = Object.fromEntries([
    ...[...foreign].map(([file, format]) => [file, `format ${format}`]),
    ...[...unreadable].map(([file, error]) => [file, String(error)]),
  ]);
  return { ...run, events, bytes: bytesOf(path), oldest, newest, damaged, leftAlone };
}

/** Yields the waiting events of a run as JSON texts, in the form in which they are sent. */
export function* readRun(directory: string, run: RunName): Generator<string> {
  const path = `${directory}/${folderOf(run)}`;
  const { settled, identity } = openCursor(nodeFileSystem, path);
  const reader = new RunReader(nodeFileSystem, path, settled);
  try {
    for (let record = reader.shift(); record !== undefined; record = reader.shift()) {
      const frameDefaults = (reader.identity ?? identity)?.frameDefaults;
      if (record.kind === 'whole' || frameDefaults !== undefined)
        yield stringOf(textOf(record, record.sequence, frameDefaults ?? { idPrefix: '', library: '' }));
    }
  } finally {
    reader.close();
  }
}

function openCursor(
  fs: FileSystem,
  path: string,
): { readonly settled: number; readonly identity: RunIdentity | undefined } {
  const bytes = Buffer.alloc(12_288);
  try {
    const file = fs.open(`${path}/${CURSOR_FILE}`, 'r');
    readFully(fs, file, bytes, 0);
    fs.close(file);
  } catch {
    // Without a cursor, nothing is settled.
  }
  const found = readHeader(bytes.subarray(8_192));
  const identity = found.type === 'header' ? found.header : undefined;
  return { settled: readCursor(bytes).settled, identity };
}

function bytesOf(path: string): number {
  try {
    const segments = segmentsOf(nodeFileSystem.list(path));
    return segments.reduce((sum, { name }) => sum + nodeFileSystem.facts(`${path}/${name}`).size, 0);
  } catch {
    // Another process has removed it in the meantime.
    return 0;
  }
}
