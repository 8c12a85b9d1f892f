// How much a source may keep on the disk, and for how long. Pure, but for `sourceBytes`. Used by spool.ts.
import type { FileSystem } from './file-system.js';
import { parseDeadLetters, parseRun } from './run-folder.js';

/** A clock that another program may set, and one that only goes on. Both in milliseconds. */
export interface Clocks {
  readonly wallTime: () => number;
  readonly monotonicTime: () => number;
}

/**
 * What time it is, for the age of events. A clock that is set forward must not make events old: while the process runs, time
 * goes on no faster than the monotonic clock.
 */
export class AgeClock {
  readonly #clocks: Clocks;
  readonly #offset: number;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#offset = clocks.wallTime() - clocks.monotonicTime();
  }

  now(): number {
    return Math.min(this.#clocks.wallTime(), this.#offset + this.#clocks.monotonicTime());
  }
}

/**
 * Whether an event is given up because of its age.
 *
 * @param hasFailed whether an attempt in this process has failed for a fault that passes. Before, nothing expires: the API may
 *   be well again, and the clock may be wrong.
 */
export function isExpired(time: number, now: number, maxAge: number, hasFailed: boolean): boolean {
  return hasFailed && now - time > maxAge;
}

/** Bytes that each source has in the directory: runs, whoever holds them, and dead letters. */
export function bytesBySource(fs: FileSystem, directory: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const name of list(fs, directory)) {
    const run = parseRun(name);
    const source = run?.source ?? parseDeadLetters(name);
    if (source === undefined) continue;
    const path = `${directory}/${name}`;
    const files = run === undefined ? [path] : list(fs, path).map((file) => `${path}/${file}`);
    const bytes = files.reduce((sum, file) => sum + sizeOf(fs, file), 0);
    sums.set(source, (sums.get(source) ?? 0) + bytes);
  }
  return sums;
}

/** Another process may remove what was there a moment ago. */
function list(fs: FileSystem, path: string): string[] {
  try {
    return fs.list(path);
  } catch {
    return [];
  }
}

function sizeOf(fs: FileSystem, path: string): number {
  try {
    return fs.facts(path).size;
  } catch {
    return 0;
  }
}
