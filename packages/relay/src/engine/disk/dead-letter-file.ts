// The dead letters of a source: a file of NDJSON, in the order in which they came. Used by source-log.ts.
//
// Each line is `{"id":"…","partition":0,"time":…,"code":"rejected","status":400,"message":"…","event":…}`. The event is
// the text as it was sent, with its white space on one line.

import { readMembers } from '@offthread/tracking-api';
import { codeOf, type FileSystem, readFully, writeAll } from '@offthread/worker/spool/file-system';
import type { DeadLetter, StoredDeadLetter } from '../engine.js';
import { settled } from './partition-writer.js';
import { openAnew, replaceFile } from './replaced-file.js';

const LINE_FEED = 0x0a;

/** A line of the file. */
interface Line {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

/** A line to append. */
interface NewLine {
  readonly id: string;
  readonly bytes: Buffer;
}

/** A dead letter, and the partition that its event came from. */
export type PlacedDeadLetter = StoredDeadLetter & { readonly partition: number };

export class DeadLetterFile {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #most: { readonly count: number; readonly bytes: number };
  #lines: Line[] = [];
  #end = 0;
  #lastTime = 0;
  #lastCount = 0;
  /** The last change of the file. Changes follow one another. */
  #change: Promise<unknown> = Promise.resolve();
  /** Dead letters that were refused because there were too many. */
  refused = 0;

  /**
   * Reads the file, if there is one.
   *
   * @param most how many dead letters and bytes are kept.
   * @throws the system's error.
   */
  constructor(fs: FileSystem, folder: string, most: { readonly count: number; readonly bytes: number }) {
    this.#fs = fs;
    this.#folder = folder;
    this.#most = most;
    this.#index();
  }

  get count(): number {
    return this.#lines.length;
  }

  get bytes(): number {
    return this.#end;
  }

  /** Appends dead letters of a partition. Resolves when they are synced. Rejects with the system's error. */
  append(partition: number, letters: readonly DeadLetter[], time: number): Promise<void> {
    return this.#inTurn(async () => {
      const { count, bytes } = this.#most;
      const kept: NewLine[] = [];
      let end = this.#end;
      for (const letter of letters) {
        if (this.count + kept.length >= count) break;
        const line = this.#lineOf(partition, letter, time);
        if (end + line.bytes.length > bytes) continue;
        end += line.bytes.length;
        kept.push(line);
      }
      if (kept.length > 0) await this.#append(kept);
      this.refused += letters.length - kept.length;
    });
  }

  /** Returns dead letters in order: the first ones, or those after the one with this id. */
  list(after: string | undefined, count: number): PlacedDeadLetter[] {
    const lines = after === undefined ? this.#lines : this.#lines.filter(({ id }) => id > after);
    return this.#read(lines.slice(0, count));
  }

  /** Returns the dead letters with these ids. */
  get(ids: readonly string[]): PlacedDeadLetter[] {
    const wanted = new Set(ids);
    return this.#read(this.#lines.filter(({ id }) => wanted.has(id)));
  }

  /** Removes dead letters: replaces the file by one without them. Rejects with the system's error. */
  remove(ids: readonly string[]): Promise<void> {
    return this.#inTurn(() => this.#remove(ids));
  }

  get #path(): string {
    return `${this.#folder}/dead.ndjson`;
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const result = this.#change.then(change);
    this.#change = result.catch(() => {}); // Whoever made the change gets the rejection.
    return result;
  }

  async #remove(ids: readonly string[]): Promise<void> {
    const removed = new Set(ids);
    const kept = this.#lines.filter(({ id }) => !removed.has(id));
    if (kept.length === this.#lines.length) return;
    const old = this.#readFile();
    await replaceFile(
      this.#fs,
      this.#path,
      Buffer.concat(kept.map(({ start, end }) => old.subarray(start, end))),
    );
    this.#index();
    await settled((done) => this.#fs.syncFolder(this.#folder, done));
  }

  async #append(lines: readonly NewLine[]): Promise<void> {
    const isNew = this.#end === 0;
    const start = this.#end;
    const file = isNew ? openAnew(this.#fs, this.#path) : this.#fs.open(this.#path, 'r+');
    try {
      writeAll(this.#fs, file, Buffer.concat(lines.map(({ bytes }) => bytes)), start);
      await settled((done) => this.#fs.sync(file, done));
      if (isNew) await settled((done) => this.#fs.syncFolder(this.#folder, done));
    } catch (error) {
      this.#fs.truncate(file, start);
      throw error;
    } finally {
      this.#fs.close(file);
    }
    for (const { id, bytes } of lines) {
      this.#lines.push({ id, start: this.#end, end: this.#end + bytes.length });
      this.#end += bytes.length;
    }
  }

  #lineOf(partition: number, { text, code, status, message }: DeadLetter, time: number): NewLine {
    const id = this.#newId(time);
    const facts = JSON.stringify({ id, partition, time, code, status, message });
    // Between tokens, JSON may have line breaks. Within a string it can't.
    const event = text.replace(/[\r\n]+/g, ' ');
    return { id, bytes: Buffer.from(`${facts.slice(0, -1)},"event":${event}}\n`) };
  }

  /** Ids have one length, so that their order is that of texts. */
  #newId(time: number): string {
    const now = Math.max(time, this.#lastTime);
    this.#lastCount = now === this.#lastTime ? this.#lastCount + 1 : 0;
    this.#lastTime = now;
    return `${String(now).padStart(14, '0')}-${String(this.#lastCount).padStart(6, '0')}`;
  }

  #read(lines: readonly Line[]): PlacedDeadLetter[] {
    if (lines.length === 0) return [];
    const bytes = this.#readFile();
    return lines.flatMap(({ start, end }) => parseLine(bytes.toString('utf8', start, end)) ?? []);
  }

  #readFile(): Buffer {
    const file = this.#fs.open(this.#path, 'r');
    try {
      const bytes = Buffer.alloc(this.#fs.size(file));
      return bytes.subarray(0, readFully(this.#fs, file, bytes, 0));
    } finally {
      this.#fs.close(file);
    }
  }

  /** Finds the lines of the file. Ignores what an interrupted write left at its end, and lines that can't be read. */
  #index(): void {
    let bytes: Buffer;
    try {
      bytes = this.#readFile();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      bytes = Buffer.alloc(0);
    }
    const lines = linesOf(bytes);
    this.#end = lines.at(-1)?.end ?? 0;
    this.#lines = lines.flatMap(({ start, end }) => {
      const id = parseLine(bytes.toString('utf8', start, end))?.id;
      return id === undefined ? [] : [{ id, start, end }];
    });
    const [time = '0', count = '0'] = this.#lines.at(-1)?.id.split('-') ?? [];
    this.#lastTime = Math.max(this.#lastTime, Number(time));
    if (this.#lastTime === Number(time)) this.#lastCount = Math.max(this.#lastCount, Number(count));
  }
}

/** Returns the dead letters in the content of a file. */
export function readDeadLetters(bytes: Buffer): PlacedDeadLetter[] {
  return linesOf(bytes).flatMap(({ start, end }) => parseLine(bytes.toString('utf8', start, end)) ?? []);
}

function linesOf(bytes: Buffer): { readonly start: number; readonly end: number }[] {
  const lines: { start: number; end: number }[] = [];
  for (let start = 0; ; ) {
    const end = bytes.indexOf(LINE_FEED, start) + 1;
    if (end === 0) return lines;
    lines.push({ start, end });
    start = end;
  }
}

function parseLine(line: string): PlacedDeadLetter | undefined {
  try {
    const { id, partition, time, code, status, message } = JSON.parse(line);
    const text = readMembers(line).get('event');
    if (typeof id !== 'string' || text === undefined) return undefined;
    return { id, partition, time, code, message, text, ...(status !== undefined && { status }) };
  } catch {
    return undefined;
  }
}
