// The names of files and folders in a spool directory. Pure. Used by all files of the spool and the command line.
//
//   SOURCE.RUN.HOLDER/       a run: what one client has stored, 0700
//     FIRST.COPY.segment     its segments, by the sequence number of the first record
//     cursor                 how far it is settled
//   SOURCE.RUN.dead.ndjson   what the API refused of it
//   HOLDER.sock, HOLDER.holder   a process that has runs, see holder.ts

export interface RunName {
  /** The first 128 bits of `sourceOf` the write key. */
  readonly source: string;
  /** Starts with the time of creation, so the order of names is the order of runs. */
  readonly run: string;
  readonly holder: string;
}

const SOURCE_DIGITS = 32;
const RUN_PATTERN = /^([0-9a-f]{32})\.([0-9a-z]{9}-[0-9a-f]{12})\.([0-9a-f]{16})$/;
const SEGMENT_PATTERN = /^(\d{16})\.(\d{1,6})\.segment$/;
const HOLDER_PATTERN = /^([0-9a-f]{16})\.(?:holder|sock)$/;
const DEAD_PATTERN = /^([0-9a-f]{32})\.[0-9a-z]{9}-[0-9a-f]{12}\.dead\.ndjson$/;

export function newHolder(): string {
  return randomHex(8);
}

/** Loads node:crypto only when it is needed, because that costs main milliseconds and megabytes. */
function randomHex(bytes: number): string {
  return process.getBuiltinModule('node:crypto').randomBytes(bytes).toString('hex');
}

/** @param source the result of `sourceOf`. */
export function newRun(source: string, holder: string, time: number): RunName {
  const stamp = Math.max(0, Math.floor(time)).toString(36).padStart(9, '0').slice(-9);
  return { source: shortSource(source), run: `${stamp}-${randomHex(6)}`, holder };
}

export function shortSource(source: string): string {
  return source.slice(0, SOURCE_DIGITS);
}

export function folderOf({ source, run, holder }: RunName): string {
  return `${source}.${run}.${holder}`;
}

/** Returns the name of a run's dead-letter file. */
export function deadLettersOf({ source, run }: RunName): string {
  return `${source}.${run}.dead.ndjson`;
}

/** Parses the name of a run's folder. Returns undefined for other names. */
export function parseRun(name: string): RunName | undefined {
  const [, source, run, holder] = RUN_PATTERN.exec(name) ?? [];
  return source && run && holder ? { source, run, holder } : undefined;
}

/** Returns the holder that a file belongs to. */
export function parseHolder(name: string): string | undefined {
  return HOLDER_PATTERN.exec(name)?.[1];
}

/** Returns the source whose dead letters a file contains. */
export function parseDeadLetters(name: string): string | undefined {
  return DEAD_PATTERN.exec(name)?.[1];
}

export interface SegmentName {
  readonly name: string;
  /** Sequence number of its first record. */
  readonly first: number;
  /** Segments with the same `first` contain the same events. One valid record of each event is enough. */
  readonly copy: number;
}

export function segmentName(first: number, copy: number): string {
  return `${String(first).padStart(16, '0')}.${copy}.segment`;
}

/** Returns the segments among these names, in order. */
export function segmentsOf(names: readonly string[]): SegmentName[] {
  return names
    .flatMap((name): SegmentName[] => {
      const [, first, copy] = SEGMENT_PATTERN.exec(name) ?? [];
      return first && copy ? [{ name, first: Number(first), copy: Number(copy) }] : [];
    })
    .sort((a, b) => a.first - b.first || a.copy - b.copy);
}
