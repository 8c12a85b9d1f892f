// Writes failed lines to two files: the unchanged lines, to be corrected and imported again, and the reasons.
import { closeSync, fstatSync, readSync } from 'node:fs';
import { type Line, TOO_LONG } from './lines.js';
import { openPrivate, writeAll } from './private-file.js';

/** Why a line failed. The file of reasons has one JSON object per line, in the order of the failed lines. */
interface Reason {
  readonly source: string;
  readonly line: number;
  readonly code: string;
  readonly reason: string;
  /** False for a line that is too long to keep. Only the input has it. */
  readonly kept?: false;
}

/**
 * Appends to both files, and creates them for the first line. The lines have a file of their own, byte for byte, so
 * that it can be imported. Writes are synchronous: a line counts as settled once it is here.
 */
export class DeadLetter {
  readonly path: string;
  readonly reasonsPath: string;
  readonly #source: string;
  readonly #header: Buffer | undefined;
  #files: { lines: number; reasons: number } | undefined;

  /** @param header the first line of an input of this format. */
  constructor(path: string, source: string, header: Buffer | undefined) {
    this.path = path;
    this.reasonsPath = `${path}.reasons`;
    this.#source = source;
    this.#header = header;
  }

  add({ number, bytes, fault }: Line, code: string, reason: string): void {
    this.#files ??= { lines: openLines(this.path, this.#header), reasons: openLines(this.reasonsPath) };
    const isKept = fault !== TOO_LONG;
    const entry: Reason = {
      source: this.#source,
      line: number,
      code,
      reason,
      ...(!isKept && { kept: false }),
    };
    if (isKept) writeAll(this.#files.lines, Buffer.concat([bytes, Buffer.from('\n')]));
    writeAll(this.#files.reasons, Buffer.from(`${JSON.stringify(entry)}\n`));
  }

  close(): void {
    if (this.#files === undefined) return;
    closeSync(this.#files.lines);
    closeSync(this.#files.reasons);
    this.#files = undefined;
  }
}

/** Opens a file to append lines to. Its last line may lack a newline, if an editor wrote it. */
function openLines(path: string, header?: Buffer): number {
  const file = openPrivate(path);
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n')
    writeAll(file, Buffer.from('\n'));
  if (size === 0 && header !== undefined) writeAll(file, Buffer.concat([header, Buffer.from('\n')]));
  return file;
}
