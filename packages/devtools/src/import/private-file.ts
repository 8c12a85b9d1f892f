// Files that hold events, or say where they are -> opened so that nobody else reads them. Used by dead-letter.ts and checkpoint.ts.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/** Windows has no such flag. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

const OWNER_ONLY = 0o600;

/** Opens a file to read it and to append to it, and makes it if need be. Throws for a link. */
export function openPrivate(path: string): number {
  const { O_RDWR, O_APPEND, O_CREAT } = constants;
  const file = withoutLinks(path, () => openSync(path, O_RDWR | O_APPEND | O_CREAT | NO_FOLLOW, OWNER_ONLY));
  const status = fstatSync(file);
  // A pipe, a terminal and /dev/null stay as they are.
  if (!status.isFile()) return file;
  if (status.nlink > 1) {
    closeSync(file);
    throw new Error(`${path} is a link to a file that has another name as well; name another file`);
  }
  fchmodSync(file, OWNER_ONLY);
  return file;
}

/** Writes a file that is not there yet; what is there is removed first, and a link by itself. */
export function writePrivate(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { flag: 'wx', mode: OWNER_ONLY });
}

/** The text of a file; `undefined` if there is none. Throws for a link. */
export function readPrivate(path: string): string | undefined {
  try {
    const file = withoutLinks(path, () => openSync(path, constants.O_RDONLY | NO_FOLLOW));
    try {
      return readFileSync(file, 'utf8');
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
      throw new Error(`${path} is a link; name the file itself`, { cause: error });
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
