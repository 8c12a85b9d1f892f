// All that is on disk of one source: its partitions and its dead letters. Used by disk-engine.ts.
import { codeOf, type FileSystem } from '@offthread/worker/spool/file-system';
import { type Backlog, DEAD_LETTERS_SHARE } from '../engine.js';
import { DeadLetterFile } from './dead-letter-file.js';
import { PartitionLog } from './partition-log.js';
import { settled } from './partition-writer.js';

export interface SourceLogOptions {
  readonly partitions: number;
  readonly maxDeadLetters: number;
  /** Most bytes of the source, dead letters included. */
  readonly maxBytes: number;
}

export class SourceLog {
  readonly partitions: readonly PartitionLog[];
  readonly deadLetters: DeadLetterFile;
  /** Bytes of requests that are about to be written. */
  queuedBytes = 0;

  private constructor(partitions: readonly PartitionLog[], deadLetters: DeadLetterFile) {
    this.partitions = partitions;
    this.deadLetters = deadLetters;
  }

  /** Opens the folder of a source, and makes what isn't there yet. Rejects with the system's error. */
  static async open(
    fs: FileSystem,
    directory: string,
    source: string,
    { partitions, maxDeadLetters, maxBytes }: SourceLogOptions,
  ): Promise<SourceLog> {
    const folder = `${directory}/${source}`;
    makeFolder(fs, folder);
    const logs: PartitionLog[] = [];
    for (let index = 0; index < partitions; index++) {
      makeFolder(fs, `${folder}/${index}`);
      logs.push(new PartitionLog(fs, `${folder}/${index}`, source));
    }
    // The names of the new folders.
    await settled((done) => fs.syncFolder(folder, done));
    await settled((done) => fs.syncFolder(directory, done));
    const most = { count: maxDeadLetters, bytes: Math.floor(maxBytes / DEAD_LETTERS_SHARE) };
    return new SourceLog(logs, new DeadLetterFile(fs, folder, most));
  }

  /** Bytes of what waits, of dead letters, and of what is about to be written. */
  get bytes(): number {
    return this.#storedBytes + this.queuedBytes;
  }

  backlog(): Backlog {
    const { count, refused } = this.deadLetters;
    const times = this.partitions.flatMap(({ oldest }) => oldest ?? []);
    return {
      events: sum(this.partitions.map(({ events }) => events)),
      bytes: this.#storedBytes,
      oldest: times.length === 0 ? undefined : Math.min(...times),
      deadLetters: count,
      deadLettersRefused: refused,
    };
  }

  get #storedBytes(): number {
    return this.deadLetters.bytes + sum(this.partitions.map(({ bytes }) => bytes));
  }

  close(): void {
    for (const log of this.partitions) log.close();
  }
}

function makeFolder(fs: FileSystem, path: string): void {
  try {
    fs.makeFolder(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
