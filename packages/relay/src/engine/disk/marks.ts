// Counts for each entry how often a process has begun to send it, in a file that outlives the process. Used by
// partition-log.ts.
import { codeOf, type FileSystem, readFully, writeAll } from '@offthread/worker/spool/file-system';

/** Marks of one partition. Not synced: they tell of processes that died, not of machines. */
export class Marks {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #counts: Map<number, number>;
  #file: number | undefined;

  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#path = path;
    this.#counts = read(fs, path);
  }

  get(sequence: number): number {
    return this.#counts.get(sequence) ?? 0;
  }

  add(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#counts.set(sequence, this.get(sequence) + 1);
    this.#write();
  }

  delete(sequences: readonly number[]): void {
    let isChanged = false;
    for (const sequence of sequences) isChanged = this.#counts.delete(sequence) || isChanged;
    if (isChanged) this.#write();
  }

  close(): void {
    if (this.#file !== undefined) this.#fs.close(this.#file);
    this.#file = undefined;
  }

  /**
   * Overwrites the file in place. Only its first line counts, so a shorter one needs no truncation. Never throws: a full
   * disk must not keep entries from being sent, which is what makes room.
   */
  #write(): void {
    const line = `${JSON.stringify([...this.#counts])}\n`;
    try {
      this.#file ??= openOrMake(this.#fs, this.#path);
      writeAll(this.#fs, this.#file, Buffer.from(line), 0);
    } catch {
      // The count is then too low, and an entry is given more tries.
    }
  }
}

/** Returns no marks if the file is missing or was torn: an entry is then given more tries. */
function read(fs: FileSystem, path: string): Map<number, number> {
  try {
    const file = fs.open(path, 'r');
    try {
      const bytes = Buffer.alloc(fs.size(file));
      const [line = ''] = bytes.toString('utf8', 0, readFully(fs, file, bytes, 0)).split('\n');
      return new Map(JSON.parse(line) as [number, number][]);
    } finally {
      fs.close(file);
    }
  } catch {
    return new Map();
  }
}

function openOrMake(fs: FileSystem, path: string): number {
  try {
    return fs.open(path, 'r+');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return fs.open(path, 'wx+');
  }
}
