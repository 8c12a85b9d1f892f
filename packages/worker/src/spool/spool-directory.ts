// A spool directory, shared by all clients of the worker: who adopts which runs, and how full it is. Used by spool.ts.

import { setImmediate } from 'node:timers/promises';
import { AdoptedRun } from './adopted-run.js';
import { type AdoptionOptions, adopt } from './adoption.js';
import { codeOf, type FileSystem, nodeFileSystem } from './file-system.js';
import { HolderWatch } from './holder-watch.js';
import { bytesBySource } from './retention.js';
import type { RunName } from './run-folder.js';

/** Milliseconds between two searches for runs of dead processes. */
const ADOPT_INTERVAL_MS = 60_000;

/** Milliseconds before the bytes of a source are counted again if they may have decreased. */
const RECOUNT_MS = 1_000;

/** The parts of a client that this file uses. */
export interface DirectoryClient {
  /** The source, as in the names of runs. */
  readonly source: string;
  /** Bytes of its own segments. */
  readonly bytesOnDisk: number;
  adoptRun(run: AdoptedRun): void;
  /** Called every minute. */
  tidy(): void;
  /** Called once with the number of waiting runs that were written with other keys. */
  onForeign(count: number): void;
  onFailure(error: unknown): void;
}

export class SpoolDirectory {
  readonly fs: FileSystem;
  readonly path: string;
  readonly holder: string;
  readonly #adoption: AdoptionOptions;
  readonly #clients = new Set<DirectoryClient>();
  /** Runs of closed clients, for the next client of the same source. */
  #unassigned: RunName[] = [];
  /** Bytes of each source, without the segments that clients of this process write. */
  #others = new Map<string, number>();
  #countedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isAdopting = false;
  #hasToldForeign = false;

  constructor(path: string, holder: string, fs: FileSystem = nodeFileSystem) {
    this.fs = fs;
    this.path = path;
    this.holder = holder;
    const watch = new HolderWatch({ directory: path, monotonicTime: () => performance.now() });
    this.#adoption = { fs, directory: path, holder, watch, uid: process.getuid?.() };
  }

  add(client: DirectoryClient): void {
    this.#clients.add(client);
    this.#timer ??= setInterval(() => {
      for (const each of this.#clients) each.tidy();
      void this.#adopt();
    }, ADOPT_INTERVAL_MS);
    const runs = this.#unassigned.filter(({ source }) => source === client.source);
    this.#unassigned = this.#unassigned.filter((name) => !runs.includes(name));
    for (const name of runs) client.adoptRun(new AdoptedRun(this.fs, this.path, name));
    void this.#adopt();
  }

  /** @param runs closed runs that the client has written or adopted, and not sent. */
  delete(client: DirectoryClient, runs: readonly RunName[]): void {
    this.#clients.delete(client);
    const heir = this.#clientOf(client.source);
    for (const name of runs) {
      if (heir === undefined) this.#unassigned.push(name);
      else heir.adoptRun(new AdoptedRun(this.fs, this.path, name));
    }
    if (this.#clients.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Returns the bytes of a source in the directory. @param hasShrunk whether they may have decreased since they were
   * counted.
   */
  bytesOf(source: string, hasShrunk: boolean): number {
    const bytes = (this.#others.get(source) ?? 0) + this.#ownBytes(source);
    if (!hasShrunk || performance.now() - this.#countedAt < RECOUNT_MS) return bytes;
    this.#count();
    return (this.#others.get(source) ?? 0) + this.#ownBytes(source);
  }

  async #adopt(): Promise<void> {
    if (this.#isAdopting) return;
    this.#isAdopting = true;
    try {
      this.#count();
      const { claimed, unwanted } = await adopt(
        this.#adoption,
        ({ source }) => this.#clientOf(source) !== undefined,
      );
      // One at a time, so that events of this process don't wait to be written.
      for (const name of claimed) {
        this.#assign(name);
        await setImmediate();
      }
      this.#tellForeign(unwanted);
    } catch (error) {
      // The directory doesn't exist, or not at the moment.
      if (codeOf(error) !== 'ENOENT') for (const client of this.#clients) client.onFailure(error);
    } finally {
      this.#isAdopting = false;
    }
  }

  #assign(name: RunName): void {
    const client = this.#clientOf(name.source);
    if (client === undefined) this.#unassigned.push(name);
    else client.adoptRun(new AdoptedRun(this.fs, this.path, name));
  }

  #tellForeign(runs: readonly RunName[]): void {
    const [client] = this.#clients;
    if (runs.length === 0 || this.#hasToldForeign || client === undefined) return;
    this.#hasToldForeign = true;
    client.onForeign(runs.length);
  }

  #count(): void {
    this.#countedAt = performance.now();
    const others = bytesBySource(this.fs, this.path);
    for (const [source, bytes] of others) others.set(source, Math.max(0, bytes - this.#ownBytes(source)));
    this.#others = others;
  }

  #ownBytes(source: string): number {
    let sum = 0;
    for (const client of this.#clients) if (client.source === source) sum += client.bytesOnDisk;
    return sum;
  }

  #clientOf(source: string): DirectoryClient | undefined {
    for (const client of this.#clients) if (client.source === source) return client;
    return undefined;
  }
}

const directories = new Map<string, SpoolDirectory>();

/** Returns the directory, which all clients of this worker share. */
export function directoryAt(path: string, holder: string): SpoolDirectory {
  const key = `${holder} ${path}`;
  const found = directories.get(key) ?? new SpoolDirectory(path, holder);
  directories.set(key, found);
  return found;
}
