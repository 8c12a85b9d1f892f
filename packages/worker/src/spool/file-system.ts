// What the spool asks of a file system. Tests put in others: disks that are full, that fail, that lose power. Next: node:fs.
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

/** Of a file or folder. */
export interface FileFacts {
  readonly size: number;
  /** When it was last written, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** Who owns it. */
  readonly uid: number;
}

/** Every method but `sync` throws what the system says, with its `code`. */
export interface FileSystem {
  /** `'wx+'`: a new file, for its owner alone. */
  open(path: string, flags: 'r' | 'r+' | 'wx+'): number;
  close(file: number): void;
  size(file: number): number;
  /** Reads into `target` from its beginning. Returns how many bytes there were. */
  read(file: number, target: Uint8Array, position: number): number;
  /** Returns how many bytes were written: it may be fewer than there are. */
  write(file: number, bytes: Uint8Array, position: number): number;
  truncate(file: number, length: number): void;
  /** Puts the content of a file on the disk, without blocking. */
  sync(file: number, done: (error: Error | null) => void): void;
  /** Puts the names in a folder on the disk, without blocking. */
  syncFolder(path: string, done: (error: Error | null) => void): void;
  /** For its owner alone. */
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
    // Windows can't open a folder, and needs no sync.
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

/** The code of an error of the system: `'ENOENT'` and the like. */
export function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** Writes all bytes, or throws. What was written by then is left there. */
export function writeAll(fs: FileSystem, file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const written = fs.write(file, bytes.subarray(done), position + done);
    if (written === 0) throw Object.assign(new Error('The disk takes no more bytes'), { code: 'ENOSPC' });
    done += written;
  }
}

/** Reads as many bytes as `target` has, or as there are. */
export function readFully(fs: FileSystem, file: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const read = fs.read(file, target.subarray(done), position + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}
