// The file system operations that the spool uses. Tests replace them to simulate a full disk, errors and power loss.
import {
  close,
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

/** Properties of a file or folder. */
export interface FileFacts {
  readonly size: number;
  /** When it was last written to, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** The user id of its owner. */
  readonly uid: number;
}

/**
 * All methods throw the system's error, with its `code`, except for `sync` and `syncFolder`, which pass it to `done`.
 */
export interface FileSystem {
  /** `'wx+'` creates a file that only its owner can access. */
  open(path: string, flags: 'r' | 'r+' | 'wx+'): number;
  close(file: number): void;
  size(file: number): number;
  /** Reads into the start of `target`. Returns the number of bytes read. */
  read(file: number, target: Uint8Array, position: number): number;
  /** Returns the number of bytes written, which may be less than the length of `bytes`. */
  write(file: number, bytes: Uint8Array, position: number): number;
  truncate(file: number, length: number): void;
  /** Syncs the content of a file to disk, without blocking. */
  sync(file: number, done: (error: Error | null) => void): void;
  /** Syncs the names in a folder to disk, without blocking. */
  syncFolder(path: string, done: (error: Error | null) => void): void;
  /** Creates a folder that only its owner can access. */
  makeFolder(path: string): void;
  list(path: string): string[];
  facts(path: string): FileFacts;
  rename(from: string, to: string): void;
  remove(path: string): void;
  removeFolder(path: string): void;
}

export const nodeFileSystem: FileSystem = {
  open: (path, flags) => openSync(path, flags, 0o600),
  close: closeSync,
  size: (file) => fstatSync(file).size,
  read: (file, target, position) => readSync(file, target, 0, target.length, position),
  write: (file, bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
  truncate: ftruncateSync,
  sync: fdatasync,
  syncFolder(path, done) {
    // Windows can't open a folder, and needs no sync for it.
    if (process.platform === 'win32') return done(null);
    open(path, 'r', (error, folder) => {
      if (error !== null) return done(error);
      fsync(folder, (failure) => {
        close(folder, () => done(failure));
      });
    });
  },
  makeFolder: (path) => {
    mkdirSync(path, 0o700);
  },
  list: (path) => readdirSync(path),
  facts: (path) => statSync(path),
  rename: renameSync,
  remove: unlinkSync,
  removeFolder: rmdirSync,
};

/** Returns the code of a system error, such as `'ENOENT'`. */
export function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Whether a path can be looked up. False for any error. */
export function isReachable(fs: FileSystem, path: string): boolean {
  try {
    fs.facts(path);
    return true;
  } catch {
    return false;
  }
}

/** Removes a file. Returns whether it is gone; it may have been before, if another process has adopted its folder. */
export function removed(fs: FileSystem, path: string): boolean {
  try {
    fs.remove(path);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOENT';
  }
}

/** Writes all bytes, or throws. If it throws, some of them may have been written. */
export function writeAll(fs: FileSystem, file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    // Nearly always once, with all of them.
    const written = fs.write(file, done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written === 0) throw Object.assign(new Error('The disk takes no more bytes'), { code: 'ENOSPC' });
    done += written;
  }
}

/** Reads until `target` is full or the file ends. */
export function readFully(fs: FileSystem, file: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const read = fs.read(file, target.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
