// What lies in a spool directory, for `offthread spool` and `offthread doctor` of @offthread/devtools.
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

/** What the names of a write key's runs begin with. */
export function sourceName(writeKey: string): string {
  return shortSource(sourceOf(writeKey));
}

/** Gives a run that nobody has to another write key. Returns false if a process was faster. */
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
