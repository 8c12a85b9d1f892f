// Names in a spool directory. Pure. Used by run.ts, adoption.ts and the command line.
//
//   SOURCE.RUN.HOLDER/       a run: what one client has stored, 0700
//     FIRST.COPY.segment     its segments, by the sequence number of the first record
//     cursor                 how far it is settled
//   SOURCE.RUN.dead.ndjson   what the API refused of it
//   HOLDER.sock, HOLDER.holder   a process that has runs, see holder.ts

export interface RunName {
  /** The beginning of `sourceOf` the write key: 128 bits. */
  readonly source: string;
  /** Begins with the time of its making: names in order are runs in order. */
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

/** Taken from the process when it's needed: loading it costs main milliseconds and megabytes. */
function randomHex(bytes: number): string {
  return process.getBuiltinModule('node:crypto').randomBytes(bytes).toString('hex');
}

/** @param source as `sourceOf` gives it. */
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

/** The name of a dead-letter file. */
export function deadLettersOf({ source, run }: RunName): string {
  return `${source}.${run}.dead.ndjson`;
}

/** Undefined for what is not the folder of a run. */
export function parseRun(name: string): RunName | undefined {
  const [, source, run, holder] = RUN_PATTERN.exec(name) ?? [];
  return source && run && holder ? { source, run, holder } : undefined;
}

/** The holder whose file this is. */
export function parseHolder(name: string): string | undefined {
  return HOLDER_PATTERN.exec(name)?.[1];
}

/** The source whose dead letters these are. */
export function parseDeadLetters(name: string): string | undefined {
  return DEAD_PATTERN.exec(name)?.[1];
}

export interface SegmentName {
  readonly name: string;
  /** Sequence number of its first record. */
  readonly first: number;
  /** Segments with one `first` hold the same events: of each of these, one record that holds is enough. */
  readonly copy: number;
}

export function segmentName(first: number, copy: number): string {
  return `${String(first).padStart(16, '0')}.${copy}.segment`;
}

/** The segments among these names, in order. */
export function segmentsOf(names: readonly string[]): SegmentName[] {
  return names
    .flatMap((name): SegmentName[] => {
      const [, first, copy] = SEGMENT_PATTERN.exec(name) ?? [];
      return first && copy ? [{ name, first: Number(first), copy: Number(copy) }] : [];
    })
    .sort((a, b) => a.first - b.first || a.copy - b.copy);
}
