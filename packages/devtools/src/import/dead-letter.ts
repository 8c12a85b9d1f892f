// In: lines that failed. Out: two files: the lines as they were, to be mended and imported again, and the reasons.
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Line } from './lines.js';

/** Why a line failed: one JSON object a line, in the order of the lines in the file beside it. */
interface Reason {
  readonly source: string;
  readonly line: number;
  readonly code: string;
  readonly reason: string;
}

/**
 * Appends to both files, and makes them with the first line. The lines are in a file of their own, byte for byte, so
 * that it is itself an input. Written at once and not by a stream: a line counts as settled when it is here.
 */
export class DeadLetter {
  readonly path: string;
  readonly reasonsPath: string;
  readonly #source: string;
  #files: { lines: number; reasons: number } | undefined;

  constructor(path: string, source: string) {
    this.path = path;
    this.reasonsPath = `${path}.reasons`;
    this.#source = source;
  }

  add({ number, bytes }: Line, code: string, reason: string): void {
    this.#files ??= { lines: openLines(this.path), reasons: openLines(this.reasonsPath) };
    const entry: Reason = { source: this.#source, line: number, code, reason };
    writeAll(this.#files.lines, Buffer.concat([bytes, Buffer.from('\n')]));
    writeAll(this.#files.reasons, Buffer.from(`${JSON.stringify(entry)}\n`));
  }

  close(): void {
    if (this.#files === undefined) return;
    closeSync(this.#files.lines);
    closeSync(this.#files.reasons);
    this.#files = undefined;
  }
}

/** Opens a file to append lines to. An editor may have left its last line without an end. */
function openLines(path: string): number {
  const file = openSync(path, 'a+');
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n')
    writeSync(file, '\n');
  return file;
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
