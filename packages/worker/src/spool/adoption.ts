// Finds the runs of dead processes in a directory and claims them for this process. Used by spool-directory.ts and the
// command line.
//
// A run is claimed by renaming its folder to the name with this process's own holder. If several processes try, only
// one succeeds.
import { setImmediate } from 'node:timers/promises';
import { codeOf, type FileSystem, readFully } from './file-system.js';
import { readHolderFile } from './holder.js';
import type { HolderWatch } from './holder-watch.js';
import { folderOf, parseHolder, parseRun, type RunName } from './run-folder.js';

export interface AdoptionOptions {
  readonly fs: FileSystem;
  readonly directory: string;
  /** The holder of this process. */
  readonly holder: string;
  readonly watch: HolderWatch;
  /** The user that this process runs as; undefined on Windows. */
  readonly uid?: number | undefined;
  /** Called before each step, so that other work of the thread isn't delayed by the number of runs. */
  readonly pause?: () => Promise<void>;
}

/** What was found in the directory. */
export interface Survey {
  /** Runs, oldest first. */
  readonly runs: readonly RunName[];
  /** Processes that have files in the directory. */
  readonly holders: ReadonlySet<string>;
}

/**
 * Lists the runs and holders of a directory.
 *
 * @throws the system's error.
 */
export function survey(fs: FileSystem, directory: string): Survey {
  const runs: RunName[] = [];
  const holders = new Set<string>();
  for (const name of fs.list(directory)) {
    const run = parseRun(name);
    if (run !== undefined) runs.push(run);
    const holder = run?.holder ?? parseHolder(name);
    if (holder !== undefined) holders.add(holder);
  }
  runs.sort((a, b) => (a.run < b.run ? -1 : 1));
  return { runs, holders };
}

/** A run that this process has claimed. */
export interface ClaimedRun extends RunName {
  /** Whether the process that had it has ended by itself. No event of the run is then the reason. */
  readonly hasEnded: boolean;
}

/** What was done with the runs of dead processes. */
export interface Adopted {
  /** Runs that this process has claimed, oldest first. */
  readonly claimed: readonly ClaimedRun[];
  /** Runs that no client of this process wants. */
  readonly unwanted: readonly RunName[];
}

/**
 * Claims those runs of dead processes for which `isWanted` returns true. Removes the files of dead processes without
 * runs.
 *
 * @param isOrphan whether a run of this process has nobody who sends it, because a worker has died.
 */
export async function adopt(
  { fs, directory, holder, watch, uid, pause = setImmediate }: AdoptionOptions,
  isWanted: (run: RunName) => boolean,
  isOrphan: (run: RunName) => boolean = () => false,
): Promise<Adopted> {
  const { runs, holders } = survey(fs, directory);
  const dead = await watch.findDead([...holders].filter((each) => each !== holder));
  const claimed: ClaimedRun[] = [];
  const ended = new Map<string, boolean>();
  const unwanted: RunName[] = [];
  for (const run of runs) {
    if (run.holder === holder && isOrphan(run) && isWanted(run)) claimed.push({ ...run, hasEnded: false });
    if (!dead.has(run.holder) || !isOwn(fs, `${directory}/${folderOf(run)}`, uid)) continue;
    const own = { ...run, holder };
    await pause();
    if (!isWanted(run)) unwanted.push(run);
    else if (claim(fs, directory, run, own)) {
      const hasEnded = ended.get(run.holder) ?? hasEndedItself(fs, directory, run.holder);
      ended.set(run.holder, hasEnded);
      claimed.push({ ...own, hasEnded });
    }
  }
  await clear(fs, directory, dead, pause);
  return { claimed, unwanted };
}

/**
 * Claims a run. Returns false if another process was faster.
 *
 * @throws the system's error otherwise.
 */
export function claim(fs: FileSystem, directory: string, from: RunName, to: RunName): boolean {
  try {
    fs.rename(`${directory}/${folderOf(from)}`, `${directory}/${folderOf(to)}`);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** More bytes than the file of a holder has. */
const HOLDER_BYTES = 1_024;

function hasEndedItself(fs: FileSystem, directory: string, holder: string): boolean {
  const bytes = Buffer.alloc(HOLDER_BYTES);
  try {
    const file = fs.open(`${directory}/${holder}.holder`, 'r');
    try {
      const length = readFully(fs, file, bytes, 0);
      return readHolderFile(bytes.toString('utf8', 0, length))?.ended === true;
    } finally {
      fs.close(file);
    }
  } catch {
    return false;
  }
}

function isOwn(fs: FileSystem, path: string, uid: number | undefined): boolean {
  try {
    return uid === undefined || fs.facts(path).uid === uid;
  } catch {
    return false;
  }
}

/** Removes the files of dead processes that have no more runs. */
async function clear(
  fs: FileSystem,
  directory: string,
  dead: ReadonlySet<string>,
  pause: () => Promise<void>,
): Promise<void> {
  // Lists them again, because some of these processes may have runs of other sources or of another user.
  const used = new Set(survey(fs, directory).runs.map((run) => run.holder));
  for (const holder of dead) {
    if (used.has(holder)) continue;
    await pause();
    for (const name of [`${holder}.sock`, `${holder}.holder`]) {
      try {
        fs.remove(`${directory}/${name}`);
      } catch {
        // Another process was faster.
      }
    }
  }
}
