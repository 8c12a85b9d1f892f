// In: chunks of bytes. Out: the lines in them, numbered, and where each ends. Next: importer.ts.

export const NEWLINE = 0x0a;
export const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Bytes that are kept of a line: 1 MiB. An event is 32 KB at most as it is sent, and with every character escaped, the
 * stamps of an archive and white space still far from this.
 */
export const MAX_LINE_BYTES = 1024 * 1024;

/** Why a line over the limit has failed. */
export const TOO_LONG = `longer than ${MAX_LINE_BYTES} bytes`;

/** One event of the input: a line of NDJSON, an element of a JSON array or a row of CSV. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** As it was, without its newline. Empty if it is too long to be kept. */
  readonly bytes: Buffer;
  /** Bytes of the input up to the next line. */
  readonly end: number;
  /** What is wrong with it, if that can be seen already. */
  readonly fault?: string | undefined;
}

/** How far into an input one is: all up to `offset` bytes, which are `line` lines, is done with. */
export interface Position {
  readonly offset: number;
  readonly line: number;
}

/** The lines that end in each chunk, together. Those over the limit are counted and not kept. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, from: Position): AsyncGenerator<Line[]> {
  let { line: number, offset: end } = from;
  const pieces = new Pieces();
  const finish = (newline: number): Line => {
    number += 1;
    end += pieces.length + newline;
    return { number, end, ...pieces.take() };
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      pieces.add(chunk.subarray(start, at));
      lines.push(finish(1));
      start = at + 1;
    }
    pieces.add(chunk.subarray(start));
    yield lines;
  }
  if (pieces.length > 0) yield [finish(0)];
}

/** The pieces of a line that is not over yet, up to the limit. */
export class Pieces {
  #pieces: Buffer[] = [];
  #length = 0;

  /** Bytes of the line so far, those beyond the limit included. */
  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > MAX_LINE_BYTES) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** The line, and whether it is too long. The next one begins. */
  take(): Pick<Line, 'bytes' | 'fault'> {
    const [first = EMPTY, ...others] = this.#pieces;
    const isTooLong = this.#length > MAX_LINE_BYTES;
    this.#pieces = [];
    this.#length = 0;
    if (isTooLong) return { bytes: EMPTY, fault: TOO_LONG };
    return { bytes: others.length === 0 ? first : Buffer.concat([first, ...others]) };
  }
}
