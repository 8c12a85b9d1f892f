// Holds the lines in flight, and reports their outcomes in the order of the input.
import type { Line } from './lines.js';
import type { Outcome } from './outcome.js';

/** A line in flight. */
export interface Entry {
  readonly line: Line;
  /** What identifies its event, if equal ones are looked for. */
  readonly mark: bigint | undefined;
  outcome: Outcome | undefined;
}

/** Called for each settled line, in order. If it returns false, this line and those after it stay. */
type Done = (line: Line, outcome: Outcome, mark: bigint | undefined) => boolean;

/**
 * The lines from the first that isn't settled to the last that was read. All lines in memory are here, so that its
 * limits are those of the import.
 */
export class Window {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #done: Done;
  #entries: Entry[] = [];
  #first = 0;
  #bytes = 0;
  #wake: (() => void) | undefined;

  constructor(maxLines: number, maxBytes: number, done: Done) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
    this.#done = done;
  }

  /** Number of lines in flight. */
  get size(): number {
    return this.#entries.length - this.#first;
  }

  get hasRoom(): boolean {
    return this.size < this.#maxLines && this.#bytes < this.#maxBytes;
  }

  add(line: Line, mark?: bigint): Entry {
    const entry: Entry = { line, mark, outcome: undefined };
    this.#entries.push(entry);
    this.#bytes += line.bytes.length;
    return entry;
  }

  settle(entry: Entry, outcome: Outcome): void {
    entry.outcome = outcome;
    for (
      let head = this.#entries[this.#first];
      head?.outcome !== undefined;
      head = this.#entries[this.#first]
    ) {
      if (!this.#done(head.line, head.outcome, head.mark)) break;
      this.#bytes -= head.line.bytes.length;
      this.#first += 1;
    }
    // Shifting one at a time would move all others each time; keeping settled entries would keep their bytes.
    if (this.#first > this.size) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    this.wake();
  }

  /** Resolves when a line is settled, or on `wake()`. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Resolves the promise of `changed()`. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
