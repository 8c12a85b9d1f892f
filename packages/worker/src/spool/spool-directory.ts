// A spool directory, shared by all clients of the worker: who adopts which runs, and how full it is. Used by spool.ts.

import { setImmediate } from 'node:timers/promises';
import { AdoptedRun } from './adopted-run.js';
import { type AdoptionOptions, adopt, type ClaimedRun } from './adoption.js';
import { codeOf, type FileSystem, nodeFileSystem } from './file-system.js';
import { HolderWatch } from './holder-watch.js';
import { bytesBySource } from './retention.js';
import { folderOf, type RunName } from './run-folder.js';

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
  /** Whether the client writes or sends this run. */
  has(run: RunName): boolean;
  /** Writes new events. Called often. */
  look(): unknown;
  adoptRun(run: AdoptedRun): void;
  /** The bytes on disk were counted again. */
  onCount(): void;
  /** Called every minute. Never rejects. */
  tidy(): Promise<void>;
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
  #isCounting = false;
  #timer: NodeJS.Timeout | undefined;
  #isAdopting = false;
  #hasToldForeign = false;
  /** Runs of this process that no client had at the last search. */
  #orphans = new Set<string>();

  constructor(path: string, holder: string, fs: FileSystem = nodeFileSystem) {
    this.fs = fs;
    this.path = path;
    this.holder = holder;
    const watch = new HolderWatch({ directory: path, monotonicTime: () => performance.now() });
    const pause = (): Promise<void> => this.#pause();
    this.#adoption = { fs, directory: path, holder, watch, uid: process.getuid?.(), pause };
  }

  add(client: DirectoryClient): void {
    this.#clients.add(client);
    this.#timer ??= setInterval(() => {
      for (const each of this.#clients) void each.tidy();
      void this.#adopt(true);
    }, ADOPT_INTERVAL_MS);
    const runs = this.#unassigned.filter(({ source }) => source === client.source);
    this.#unassigned = this.#unassigned.filter((name) => !runs.includes(name));
    for (const name of runs) client.adoptRun(new AdoptedRun(this.fs, this.path, name));
    void this.#adopt(false);
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
   * Returns the bytes of a source in the directory, as of the last count.
   *
   * @param hasShrunk whether they may have decreased since. They are then counted again, soon.
   */
  bytesOf(source: string, hasShrunk: boolean): number {
    if (hasShrunk && performance.now() - this.#countedAt >= RECOUNT_MS) void this.#count();
    return (this.#others.get(source) ?? 0) + this.#ownBytes(source);
  }

  /** @param isPeriodic whether this is one of the searches each minute. */
  async #adopt(isPeriodic: boolean): Promise<void> {
    if (this.#isAdopting) return;
    this.#isAdopting = true;
    try {
      void this.#count();
      const { claimed, unwanted } = await adopt(
        this.#adoption,
        ({ source }) => this.#clientOf(source) !== undefined,
        isPeriodic ? this.#orphanTest() : undefined,
      );
      for (const name of claimed) {
        await this.#pause();
        this.#assign(name);
      }
      this.#tellForeign(unwanted);
    } catch (error) {
      // The directory doesn't exist, or not at the moment.
      if (codeOf(error) !== 'ENOENT') for (const client of this.#clients) client.onFailure(error);
    } finally {
      this.#isAdopting = false;
    }
  }

  /**
   * Returns a function that finds the runs of this process that nobody sends: a worker that has died had adopted them.
   * They count only when they are seen for the second time, because main may have just made a run for a new client.
   */
  #orphanTest(): (run: RunName) => boolean {
    const before = this.#orphans;
    const now = new Set<string>();
    this.#orphans = now;
    return (run) => {
      const isAssigned = this.#unassigned.some((each) => folderOf(each) === folderOf(run));
      if (isAssigned || [...this.#clients].some((client) => client.has(run))) return false;
      now.add(folderOf(run));
      return before.has(folderOf(run));
    };
  }

  #assign({ hasEnded, ...name }: ClaimedRun): void {
    const client = this.#clientOf(name.source);
    if (client === undefined) this.#unassigned.push(name);
    else client.adoptRun(new AdoptedRun(this.fs, this.path, name, hasEnded));
  }

  #tellForeign(runs: readonly RunName[]): void {
    const [client] = this.#clients;
    if (runs.length === 0 || this.#hasToldForeign || client === undefined) return;
    this.#hasToldForeign = true;
    client.onForeign(runs.length);
  }

  /** Ends a step of the work on the runs of others. New events of this process are written before the next one. */
  async #pause(): Promise<void> {
    await setImmediate();
    for (const client of this.#clients) client.look();
  }

  /** Counts the bytes of all sources. Never rejects. */
  async #count(): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    const others = await bytesBySource(this.fs, this.path, () => this.#pause());
    for (const [source, bytes] of others) others.set(source, Math.max(0, bytes - this.#ownBytes(source)));
    this.#others = others;
    this.#countedAt = performance.now();
    this.#isCounting = false;
    for (const client of this.#clients) client.onCount();
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
