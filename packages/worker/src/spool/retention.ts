// Decides how much a source may keep on disk, and for how long. Pure, except for `sourceBytes`. Used by spool.ts and
// spool-directory.ts.
import { setImmediate } from 'node:timers/promises';
import type { FileSystem } from './file-system.js';
import { parseDeadLetters, parseRun } from './run-folder.js';

/** The wall clock, which other programs can set, and a monotonic clock. Both in milliseconds. */
export interface Clocks {
  readonly wallTime: () => number;
  readonly monotonicTime: () => number;
}

/**
 * The time for computing the age of events. Setting the wall clock forward must not make events old, so while the
 * process runs, this time advances no faster than the monotonic clock.
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
 * @param hasFailed whether an attempt of this process has failed for a temporary reason. Before that nothing expires,
 * because the API may work again, or the clock may be wrong.
 */
export function isExpired(time: number, now: number, maxAge: number, hasFailed: boolean): boolean {
  return hasFailed && now - time > maxAge;
}

/**
 * Returns the bytes of each source in the directory: its runs, whoever holds them, and its dead letters.
 *
 * @param pause is called before each step, so that other work of the thread isn't delayed by the number of runs.
 */
export async function bytesBySource(
  fs: FileSystem,
  directory: string,
  pause: () => Promise<void> = setImmediate,
): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const name of list(fs, directory)) {
    const run = parseRun(name);
    const source = run?.source ?? parseDeadLetters(name);
    if (source === undefined) continue;
    await pause();
    const path = `${directory}/${name}`;
    const files = run === undefined ? [path] : list(fs, path).map((file) => `${path}/${file}`);
    const bytes = files.reduce((sum, file) => sum + sizeOf(fs, file), 0);
    sums.set(source, (sums.get(source) ?? 0) + bytes);
  }
  return sums;
}

/** Ignores errors, because another process may remove a folder at any time. */
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
