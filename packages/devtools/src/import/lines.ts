// In: chunks of bytes. Out: the lines in them, numbered, and where each ends. Next: importer.ts.

const NEWLINE = 0x0a;

/**
 * Bytes a line may have: 16 MiB. An event is 32 KB at most, so that what goes on for so long is no list of events,
 * and to hold it would be to hold the whole file.
 */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** One line of the input. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** As it was, without its newline. */
  readonly bytes: Buffer;
  /** Bytes of the input up to and with its newline. */
  readonly end: number;
}

/** How far into an input one is: all up to `offset` bytes, which are `line` lines, is done with. */
export interface Position {
  readonly offset: number;
  readonly line: number;
}

/** The lines that end in each chunk, together. Throws for a line that has no end in sight. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, from: Position): AsyncGenerator<Line[]> {
  let { line: number, offset: end } = from;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  const finish = (rest: Buffer, newline: number): Line => {
    const bytes = begunBytes === 0 ? rest : Buffer.concat([...begun, rest]);
    begun = [];
    begunBytes = 0;
    number += 1;
    end += bytes.length + newline;
    return { number, bytes, end };
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let start = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, start)) {
      lines.push(finish(chunk.subarray(start, at), 1));
      start = at + 1;
    }
    if (start < chunk.length) {
      begun.push(chunk.subarray(start));
      begunBytes += chunk.length - start;
    }
    if (begunBytes > MAX_LINE_BYTES) {
      throw new Error(
        `line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes: expected one event a line. ` +
          `A JSON array becomes that by: jq -c '.[]'`,
      );
    }
    yield lines;
  }
  if (begunBytes > 0) yield [finish(Buffer.alloc(0), 0)];
}
