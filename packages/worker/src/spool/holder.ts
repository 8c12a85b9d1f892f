// Shows others that this process lives, so that nobody takes its runs. Runs on the main thread: a worker's death releases
// nothing. Used by the SDK.
//
// A process listens on `HOLDER.sock`, which ends with it, whatever ends it. Beside it lies `HOLDER.holder`: the boot of the
// machine, and a number that goes up, for those whom the socket tells nothing because they are on another machine.
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { codeOf, type FileSystem, nodeFileSystem, writeAll } from './file-system.js';
import { newHolder, parseRun } from './run-folder.js';
import { withSocketPath } from './socket-path.js';

/** Milliseconds between two signs of life in the file. */
export const SIGN_INTERVAL_MS = 20_000;

/** What the file says. Fixed in length, so that it is overwritten in one piece. */
export interface HolderFile {
  readonly boot: string;
  /** Whether the process listens. Some file systems have no sockets. */
  readonly listens: boolean;
  readonly count: number;
}

export class Holder {
  readonly id = newHolder();
  readonly #directory: string;
  readonly #fs: FileSystem;
  readonly #boot: string;
  #server: Server | undefined;
  #file: number | undefined;
  #count = 0;

  /** Begins to listen. Call `sign` every `SIGN_INTERVAL_MS`. Never throws: if the disk fails, the next sign tries again. */
  constructor(directory: string, fs: FileSystem = nodeFileSystem, boot: string = bootId()) {
    this.#directory = directory;
    this.#fs = fs;
    this.#boot = boot;
    // Before the file: whoever finds the file finds the socket.
    this.#server = listen(directory, this.id);
    this.sign();
  }

  get #path(): string {
    return `${this.#directory}/${this.id}.holder`;
  }

  get listens(): boolean {
    return this.#server !== undefined;
  }

  /** Gives a sign of life. Never throws: the socket gives one too. */
  sign(): void {
    this.#count++;
    try {
      this.#write(this.#openFile());
    } catch {
      // Whatever this is, the next sign may succeed.
    }
  }

  /** Lets go of the socket, and of the file unless there are runs that it stands for. Never throws. */
  close(): void {
    this.#server?.close();
    if (this.#file === undefined) return;
    this.#fs.close(this.#file);
    this.#file = undefined;
    try {
      const isNeeded = this.#fs.list(this.#directory).some((name) => parseRun(name)?.holder === this.id);
      if (!isNeeded) this.#fs.remove(this.#path);
    } catch {
      // Whoever looks finds that it has no runs, and removes it.
    }
  }

  /** Made again if it is gone: somebody took this process for dead, because it was stopped for minutes. */
  #openFile(): number {
    if (this.#file !== undefined) {
      try {
        this.#fs.facts(this.#path);
        return this.#file;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') return this.#file;
        this.#fs.close(this.#file);
        this.#file = undefined;
        // The socket is gone with it.
        this.#server?.close();
        this.#server = undefined;
      }
    }
    this.#file = this.#fs.open(this.#path, 'wx+');
    return this.#file;
  }

  #write(file: number): void {
    writeAll(
      this.#fs,
      file,
      writeHolderFile({ boot: this.#boot, listens: this.listens, count: this.#count }),
      0,
    );
  }
}

export function writeHolderFile({ boot, listens, count }: HolderFile): Buffer {
  return Buffer.from(`${JSON.stringify({ boot, listens })}\n${String(count).padStart(16, '0')}\n`);
}

/** Undefined for what is not such a file. */
export function readHolderFile(text: string): HolderFile | undefined {
  const [first = '', count = ''] = text.split('\n');
  try {
    const { boot, listens } = JSON.parse(first);
    if (typeof boot !== 'string' || typeof listens !== 'boolean') return undefined;
    return { boot, listens, count: Number(count) };
  } catch {
    return undefined;
  }
}

/** What changes with each boot of this machine, and is the same in all of its containers. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // Not Linux. Two boots of one machine look the same: a socket that nobody listens on says the rest.
    return `host ${process.getBuiltinModule('node:os').hostname()}`;
  }
}

/** A listening server, or undefined if one can't listen there. */
function listen(directory: string, id: string): Server | undefined {
  const { createServer } = process.getBuiltinModule('node:net');
  const server = createServer((socket) => socket.destroy());
  // Told later, when it's known already.
  server.on('error', () => {});
  server.unref();
  try {
    withSocketPath(directory, id, (path) => server.listen({ path, exclusive: true }));
  } catch {
    return undefined;
  }
  // It listens, or doesn't, when the call returns.
  return server.address() === null ? undefined : server;
}
