// Replaces a file as a whole: after a loss of power it is the old one or the new one. Used by dead-letter-file.ts and
// directory-format.ts.
import { type FileSystem, removed, writeAll } from '@offthread/worker/spool/file-system';
import { settled } from './partition-writer.js';

/** Rejects with the system's error; the old file is then still there. The caller syncs the folder. */
export async function replaceFile(fs: FileSystem, path: string, bytes: Buffer): Promise<void> {
  const draft = `${path}.new`;
  const file = openAnew(fs, draft);
  try {
    writeAll(fs, file, bytes, 0);
    await settled((done) => fs.sync(file, done));
  } finally {
    fs.close(file);
  }
  fs.rename(draft, path);
}

/** Makes a file in place of one that doesn't count. Never writes to what is there, because a link may lead anywhere. */
export function openAnew(fs: FileSystem, path: string): number {
  removed(fs, path);
  return fs.open(path, 'wx+');
}
