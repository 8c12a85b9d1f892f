// The engine on a directory of one machine. One relay at a time uses it. Created by open.ts.
//
//   lock.N, HOLDER.sock, HOLDER.holder   which relay uses the directory, see directory-lock.ts
//   relay.json                           the format and the number of partitions
//   SOURCE/PARTITION/                    what waits, see partition-log.ts
//   SOURCE/dead.ndjson                   dead letters, see dead-letter-file.ts
import {
  type Appended,
  type Backlog,
  type Engine,
  EngineUnavailableError,
  type Entry,
  type Lease,
  type PartitionedEvents,
  type Removal,
  type StoredDeadLetter,
} from '../engine.js';
import type { DirectoryLock } from './directory-lock.js';
import { GroupCommit } from './group-commit.js';
import type { PartitionLog } from './partition-log.js';
import { answerRequests } from './replay-request.js';
import type { SourceLog } from './source-log.js';

/**
 * Milliseconds between two syncs of what was removed, and between two looks for requests of commands. A power failure
 * makes entries of this time come back.
 */
const TICK_MS = 1_000;

export interface DiskEngineParts {
  readonly directory: string;
  readonly partitions: number;
  readonly maxBytes: number;
  readonly relayId: string;
  readonly lock: DirectoryLock;
  /** By the name of the source. */
  readonly sources: ReadonlyMap<string, SourceLog>;
}

export class DiskEngine implements Engine {
  readonly partitions: number;
  /** No other relay could take a lease. */
  readonly leaseDuration = Number.POSITIVE_INFINITY;
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #relayId: string;
  readonly #lock: DirectoryLock;
  readonly #sources: ReadonlyMap<string, SourceLog>;
  readonly #commits: GroupCommit;
  readonly #leases = new Map<string, Lease>();
  /** Until when nothing of a source is sent, by `performance.now()`. */
  readonly #holds = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #leaseCount = 0;
  #isClosed = false;

  constructor({ directory, partitions, maxBytes, relayId, lock, sources }: DiskEngineParts) {
    this.#directory = directory;
    this.partitions = partitions;
    this.#maxBytes = maxBytes;
    this.#relayId = relayId;
    this.#lock = lock;
    this.#sources = sources;
    this.#commits = new GroupCommit(() => lock.isHeld);
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  async append(source: string, events: readonly PartitionedEvents[]): Promise<Appended> {
    const log = this.#source(source);
    const bytes = events.reduce((total, { texts }) => total + bytesOf(texts), 0);
    if (log.bytes + bytes > this.#maxBytes) return { type: 'full' };
    await this.#commits.store(log, events, bytes);
    return { type: 'stored' };
  }

  async read(lease: Lease, after: string | undefined, count: number): Promise<readonly Entry[]> {
    if (!this.#isHolder(lease)) return [];
    return orUnavailable(() => this.#partition(lease).read(after, count));
  }

  async remove(lease: Lease, { ids, deadLetters }: Removal): Promise<boolean> {
    if (!this.#isHolder(lease)) return false;
    const source = this.#source(lease.source);
    const log = this.#partition(lease);
    // Dead letters first: if the process ends in between, they are there twice rather than not at all.
    if (deadLetters.length > 0)
      await orUnavailable(() => source.deadLetters.append(lease.partition, deadLetters, Date.now()));
    log.remove(ids);
    return true;
  }

  async acquire(source: string, partition: number): Promise<Lease | undefined> {
    this.#source(source);
    const key = `${source}/${partition}`;
    if (partition >= this.partitions || this.#leases.has(key)) return undefined;
    this.#leaseCount += 1;
    const lease = { source, partition, token: String(this.#leaseCount) };
    this.#leases.set(key, lease);
    return lease;
  }

  async renew(lease: Lease): Promise<boolean> {
    return this.#isHolder(lease);
  }

  async release(lease: Lease): Promise<void> {
    if (this.#isHolder(lease)) this.#leases.delete(`${lease.source}/${lease.partition}`);
  }

  async hold(source: string, duration = 0): Promise<number> {
    const now = performance.now();
    const end = Math.max(now + duration, this.#holds.get(source) ?? 0);
    this.#holds.set(source, end);
    return end - now;
  }

  async mark(lease: Lease, ids: readonly string[]): Promise<boolean> {
    if (!this.#isHolder(lease)) return false;
    this.#partition(lease).mark(ids);
    return true;
  }

  async unmark(lease: Lease, ids: readonly string[]): Promise<void> {
    if (this.#isHolder(lease)) this.#partition(lease).unmark(ids);
  }

  async heartbeat(): Promise<number> {
    return 1;
  }

  async obstacle(): Promise<string | undefined> {
    if (this.#isClosed) throw new EngineUnavailableError('The engine is closed');
    return this.#lock.isHeld ? undefined : 'another relay has taken over the directory';
  }

  async backlog(source: string): Promise<Backlog> {
    return orUnavailable(() => this.#source(source).backlog());
  }

  async holders(source: string): Promise<readonly (string | undefined)[]> {
    return Array.from({ length: this.partitions }, (_, partition) =>
      this.#leases.has(`${source}/${partition}`) ? this.#relayId : undefined,
    );
  }

  async deadLetters(source: string, after?: string, count = 100): Promise<readonly StoredDeadLetter[]> {
    return orUnavailable(() => this.#source(source).deadLetters.list(after, count));
  }

  async removeDeadLetters(source: string, ids: readonly string[]): Promise<number> {
    const log = this.#source(source);
    const letters = await orUnavailable(() => log.deadLetters.get(ids));
    if (letters.length === 0) return 0;
    const groups = new Map<number, string[]>();
    for (const { partition, text } of letters) {
      const target = partition % this.partitions;
      groups.set(target, [...(groups.get(target) ?? []), text]);
    }
    const events = [...groups].map(([partition, texts]) => ({ partition, texts }));
    // Stored first: if the process ends in between, they are sent and stay dead letters.
    await this.#commits.store(log, events, bytesOf(letters.map(({ text }) => text)));
    await orUnavailable(() => log.deadLetters.remove(letters.map(({ id }) => id)));
    return letters.length;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#commits.idle();
    await this.#syncCursors();
    for (const source of this.#sources.values()) source.close();
    this.#lock.release();
  }

  #source(name: string): SourceLog {
    const source = this.#sources.get(name);
    if (this.#isClosed) throw new EngineUnavailableError('The engine is closed');
    if (source === undefined) throw new RangeError(`There is no source ${name}`);
    return source;
  }

  #partition({ source, partition }: Lease): PartitionLog {
    const log = this.#source(source).partitions[partition];
    if (log === undefined) throw new RangeError(`There is no partition ${partition}`);
    return log;
  }

  #isHolder({ source, partition, token }: Lease): boolean {
    return this.#leases.get(`${source}/${partition}`)?.token === token;
  }

  async #tick(): Promise<void> {
    await this.#syncCursors();
    await answerRequests(this.#directory, async (source, ids) => {
      if (this.#sources.has(source)) return this.removeDeadLetters(source, ids);
      throw new Error(
        `the relay that uses ${this.#directory} doesn't have the write key of source ${source}`,
      );
    });
  }

  /** Never rejects: at worst, entries are sent again. */
  async #syncCursors(): Promise<void> {
    const logs = [...this.#sources.values()].flatMap(({ partitions }) => partitions);
    await Promise.allSettled(logs.map((log) => log.syncCursor()));
  }
}

async function orUnavailable<T>(act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof EngineUnavailableError || error instanceof RangeError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new EngineUnavailableError(`The directory cannot be used: ${message}`, { cause: error });
  }
}

function bytesOf(texts: readonly string[]): number {
  return texts.reduce((total, text) => total + Buffer.byteLength(text), 0);
}
