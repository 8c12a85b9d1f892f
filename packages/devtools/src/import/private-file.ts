// Opens files that only their owner may read.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

/** Windows doesn't have this flag. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

const OWNER_ONLY = 0o600;

/** Opens a file to read and append, and creates it if necessary. Throws for a link. */
export function openPrivate(path: string): number {
  const { O_RDWR, O_APPEND, O_CREAT } = constants;
  const file = withoutLinks(path, () => openSync(path, O_RDWR | O_APPEND | O_CREAT | NO_FOLLOW, OWNER_ONLY));
  const status = fstatSync(file);
  // Never change the mode of a pipe, a terminal or /dev/null.
  if (!status.isFile()) return file;
  if (status.nlink > 1) {
    closeSync(file);
    throw new Error(`${path} is a link: the file has another name too. Choose another path`);
  }
  fchmodSync(file, OWNER_ONLY);
  return file;
}

/** Creates a file, and removes an existing one first. A link is removed, not followed. */
export function writePrivate(path: string, content: string | Buffer): void {
  rmSync(path, { force: true });
  writeFileSync(path, content, { flag: 'wx', mode: OWNER_ONLY });
}

/** Writes all bytes to an open file. */
export function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** The content of a file; `undefined` if it doesn't exist. Throws for a link. */
export function readPrivate(path: string): Buffer | undefined {
  try {
    const file = withoutLinks(path, () => openSync(path, constants.O_RDONLY | NO_FOLLOW));
    try {
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function withoutLinks<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (codeOf(error) === 'ELOOP')
      throw new Error(`${path} is a link. Pass the path of the file itself`, { cause: error });
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
