// Shows other processes that this one is alive, so that they don't adopt its runs. Runs on the main thread, so that the
// runs stay protected when a worker dies. Used by the SDK.
//
// A process listens on `HOLDER.sock`, which stops when the process ends for any reason. The file `HOLDER.holder` next
// to it contains the boot id of the machine and a number that increases, for processes on other machines, which can't
// use the socket.
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { codeOf, type FileSystem, nodeFileSystem, writeAll } from './file-system.js';
import { newHolder, parseRun } from './run-folder.js';
import { withSocketPath } from './socket-path.js';

/** Milliseconds between two signs of life in the file. */
export const SIGN_INTERVAL_MS = 20_000;

/** The content of the file. Its length is fixed until the end, so that one write replaces all of it. */
export interface HolderFile {
  readonly boot: string;
  /** Whether the process listens. Some file systems don't support sockets. */
  readonly listens: boolean;
  readonly count: number;
  /** True if the process has let go of the directory, or has ended, by itself. Not if it was killed. */
  readonly ended?: boolean | undefined;
}

export class Holder {
  readonly id = newHolder();
  readonly #directory: string;
  readonly #fs: FileSystem;
  readonly #boot: string;
  #server: Server | undefined;
  #file: number | undefined;
  #count = 0;

  /**
   * Starts to listen. Call `sign` every `SIGN_INTERVAL_MS`. Never throws: if the disk fails, the next `sign` tries
   * again.
   */
  constructor(directory: string, fs: FileSystem = nodeFileSystem, boot: string = bootId()) {
    this.#directory = directory;
    this.#fs = fs;
    this.#boot = boot;
    this.open();
  }

  get #path(): string {
    return `${this.#directory}/${this.id}.holder`;
  }

  get listens(): boolean {
    return this.#server !== undefined;
  }

  /** Starts to listen, also after `close`. Does nothing if it listens. Never throws. */
  open(): void {
    // Before the file is created, so that a process that finds the file also finds the socket.
    this.#server ??= listen(this.#directory, this.id);
    if (this.#file === undefined) this.sign();
  }

  /** Writes a sign of life. Never throws, because the socket is a sign of life as well. */
  sign(): void {
    this.#count++;
    try {
      this.#write(this.#openFile());
    } catch {
      // Whatever the error is, the next sign may succeed.
    }
  }

  /** Closes the socket, and removes the file unless there are runs that need it. Never throws. */
  close(): void {
    this.#markEnd();
    this.#server?.close();
    this.#server = undefined;
    if (this.#file === undefined) return;
    this.#fs.close(this.#file);
    this.#file = undefined;
    try {
      const isNeeded = this.#fs.list(this.#directory).some((name) => parseRun(name)?.holder === this.id);
      if (!isNeeded) this.#fs.remove(this.#path);
    } catch {
      // The next process that looks finds no runs and removes the file.
    }
  }

  /**
   * Opens the file, or creates it again if it was removed: a process that was stopped for minutes may be taken for
   * dead.
   */
  #openFile(): number {
    if (this.#file !== undefined) {
      try {
        this.#fs.facts(this.#path);
        return this.#file;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') return this.#file;
        this.#fs.close(this.#file);
        this.#file = undefined;
        // The socket was removed together with the file.
        this.#server?.close();
        this.#server = undefined;
      }
    }
    this.#file = this.#createFile();
    return this.#file;
  }

  #createFile(): number {
    try {
      return this.#fs.open(this.#path, 'wx+');
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      // `close` has left it for its runs.
      const file = this.#fs.open(this.#path, 'r+');
      this.#fs.truncate(file, 0);
      return file;
    }
  }

  /** Before the socket is closed, so that a process that finds this one dead also finds the mark. */
  #markEnd(): void {
    if (this.#file === undefined) return;
    try {
      this.#write(this.#file, true);
    } catch {
      // The process then counts as killed.
    }
  }

  #write(file: number, ended?: boolean): void {
    writeAll(
      this.#fs,
      file,
      writeHolderFile({ boot: this.#boot, listens: this.listens, count: this.#count, ended }),
      0,
    );
  }
}

export function writeHolderFile({ boot, listens, count, ended }: HolderFile): Buffer {
  return Buffer.from(`${JSON.stringify({ boot, listens, ended })}\n${String(count).padStart(16, '0')}\n`);
}

/** Parses the content of the file. Returns undefined if it isn't valid. */
export function readHolderFile(text: string): HolderFile | undefined {
  const [first = '', count = ''] = text.split('\n');
  try {
    const { boot, listens, ended } = JSON.parse(first);
    if (typeof boot !== 'string' || typeof listens !== 'boolean') return undefined;
    return { boot, listens, count: Number(count), ...(ended === true && { ended }) };
  } catch {
    return undefined;
  }
}

/** An id that changes with each boot of this machine, and is the same in all of its containers. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux. Two boots of the same machine have the same id, but a socket without a listener still shows a dead
    // process.
    return `host ${process.getBuiltinModule('node:os').hostname()}`;
  }
}

/** Returns a listening server, or undefined if it can't listen there. */
function listen(directory: string, id: string): Server | undefined {
  const { createServer } = process.getBuiltinModule('node:net');
  const server = createServer((socket) => socket.destroy());
  // The event is emitted later, but the result is already known.
  server.on('error', () => {});
  server.unref();
  try {
    withSocketPath(directory, id, (path) => server.listen({ path, exclusive: true }));
  } catch {
    return undefined;
  }
  // When the call returns, the server either listens or doesn't.
  return server.address() === null ? undefined : server;
}
