// Splits an input into lines.

export const NEWLINE = 0x0a;
export const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Longest line that is kept, in bytes. An event has at most 32 KB. It stays well below this limit even if each
 * character is escaped and an archive adds white space and fields.
 */
export const MAX_LINE_BYTES = 1024 * 1024;

/** The reason why a line over the limit fails. */
export const TOO_LONG = `longer than ${MAX_LINE_BYTES} bytes`;

/** One event of the input: a line of NDJSON, an element of a JSON array or a row of CSV. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Unchanged, without the newline. Empty if the line is too long. */
  readonly bytes: Buffer;
  /** Offset of the next line in the input. */
  readonly end: number;
  /** Why it can't be read, if that is known already. */
  readonly fault?: string | undefined;
}

/** A position in an input: after `line` lines with `offset` bytes. */
export interface Position {
  readonly offset: number;
  readonly line: number;
}

/** Yields the lines that end in each chunk. The bytes of a line over the limit are dropped as they arrive. */
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

/** Collects the pieces of a line, up to the limit. */
export class Pieces {
  #pieces: Buffer[] = [];
  #length = 0;

  /** Bytes of the line so far, including those that were dropped. */
  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (this.#length > MAX_LINE_BYTES) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** Returns the line, and starts the next one. */
  take(): Pick<Line, 'bytes' | 'fault'> {
    const [first = EMPTY, ...others] = this.#pieces;
    const isTooLong = this.#length > MAX_LINE_BYTES;
    this.#pieces = [];
    this.#length = 0;
    if (isTooLong) return { bytes: EMPTY, fault: TOO_LONG };
    return { bytes: others.length === 0 ? first : Buffer.concat([first, ...others]) };
  }
}
