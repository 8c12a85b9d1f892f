// Reads a directory without changing it, also while a relay uses it. Used by the commands `status` and `dead`.
import { readCursor } from '@offthread/worker/spool/cursor';
import { codeOf, nodeFileSystem, readFully } from '@offthread/worker/spool/file-system';
import { RunReader } from '@offthread/worker/spool/run-reader';
import type { Backlog, StoredDeadLetter } from '../engine.js';
import { readDeadLetters } from './dead-letter-file.js';
import { partitionsOf, readFormat } from './directory-format.js';
import { lengthsOf } from './entry.js';
import { isSourceFolder } from './source-folder.js';

export class DiskView {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Whether a relay has used the directory. */
  isThere(): boolean {
    return readFormat(this.#directory) !== undefined;
  }

  /** Names of the sources. Empty if the directory isn't there. */
  sources(): string[] {
    return list(this.#directory).filter(isSourceFolder);
  }

  /** The number of partitions in which the events of a source are; undefined if the directory isn't a relay's. */
  partitions(source: string): number | undefined {
    const format = readFormat(this.#directory);
    return format === undefined ? undefined : partitionsOf(format, source);
  }

  async backlog(source: string): Promise<Backlog> {
    const folder = `${this.#directory}/${source}`;
    const parts = partitionsIn(folder).map((partition) => count(`${folder}/${partition}`));
    const dead = readFile(`${folder}/dead.ndjson`);
    const times = parts.flatMap(({ oldest }) => oldest ?? []);
    return {
      events: parts.reduce((total, { events }) => total + events, 0),
      bytes: parts.reduce((total, { bytes }) => total + bytes, dead.length),
      oldest: times.length === 0 ? undefined : Math.min(...times),
      deadLetters: readDeadLetters(dead).length,
      // Counted by the relay that runs, in its metrics.
      deadLettersRefused: 0,
    };
  }

  async deadLetters(source: string): Promise<readonly StoredDeadLetter[]> {
    return readDeadLetters(readFile(`${this.#directory}/${source}/dead.ndjson`));
  }
}

function partitionsIn(folder: string): string[] {
  return list(folder).filter((name) => /^\d{1,3}$/.test(name));
}

function count(folder: string): { events: number; bytes: number; oldest: number | undefined } {
  const { settled } = readCursor(readFile(`${folder}/cursor`));
  const reader = new RunReader(nodeFileSystem, folder, settled);
  let events = 0;
  let bytes = 0;
  const oldest = reader.peek()?.time;
  for (let record = reader.shift(); record !== undefined; record = reader.shift()) {
    const { lengths } = lengthsOf(record.memory.subarray(record.start, record.end));
    events += lengths.length;
    bytes += lengths.reduce((total, length) => total + length, 0);
  }
  reader.close();
  return { events, bytes, oldest };
}

function list(path: string): string[] {
  try {
    return nodeFileSystem.list(path).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Returns the content of a file; nothing if it isn't there. */
function readFile(path: string): Buffer {
  let file: number;
  try {
    file = nodeFileSystem.open(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
  try {
    const bytes = Buffer.alloc(nodeFileSystem.size(file));
    return bytes.subarray(0, readFully(nodeFileSystem, file, bytes, 0));
  } finally {
    nodeFileSystem.close(file);
  }
}
