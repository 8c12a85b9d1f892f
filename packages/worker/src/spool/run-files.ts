// Creates and removes the folder of a run. Used by own-run.ts, adopted-run.ts, strict-run.ts and strict-writer.ts.
import { CURSOR_FILE, Cursor } from './cursor.js';
import type { FileSystem } from './file-system.js';
import type { RunIdentity } from './segment.js';

/**
 * Creates the folder of a run and its cursor.
 *
 * @throws the system's error. In that case nothing of this call is left.
 */
export function createRun(fs: FileSystem, path: string, identity: RunIdentity, time: number): Cursor {
  fs.makeFolder(path);
  try {
    return Cursor.create(fs, `${path}/${CURSOR_FILE}`, identity, time);
  } catch (error) {
    removeFolder(fs, path);
    throw error;
  }
}

/**
 * Removes the folder of a run that has no segments. Never throws: what can't be removed is left for the next process.
 */
export function removeRun(fs: FileSystem, path: string): void {
  try {
    fs.remove(`${path}/${CURSOR_FILE}`);
  } catch {
    // The file may not exist.
  }
  removeFolder(fs, path);
}

function removeFolder(fs: FileSystem, path: string): void {
  try {
    fs.removeFolder(path);
  } catch {
    // The folder contains other files.
  }
}
