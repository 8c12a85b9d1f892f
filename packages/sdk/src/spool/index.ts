// Reads spool directories, for `offthread spool` and `offthread doctor` of @offthread/devtools.
import { renameSync } from 'node:fs';
import { folderOf, type RunName, shortSource } from '@offthread/worker/spool/run-folder';
import { sourceOf } from '@offthread/worker/spool/source';

export {
  type FoundRun,
  findRuns,
  inspectRun,
  type RunReport,
  readRun,
} from '@offthread/worker/spool/inspection';
export type { RunName };

/** Returns the prefix of the names of a write key's runs. */
export function sourceName(writeKey: string): string {
  return shortSource(sourceOf(writeKey));
}

/** Moves a run that no process holds to another write key. Returns false if another process was faster. */
export function moveRun(directory: string, run: RunName, writeKey: string): boolean {
  const to = { ...run, source: sourceName(writeKey) };
  try {
    renameSync(`${directory}/${folderOf(run)}`, `${directory}/${folderOf(to)}`);
    return true;
  } catch (error) {
    if (Object(error).code === 'ENOENT') return false;
    throw error;
  }
}
