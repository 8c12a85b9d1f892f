// In: lines that are on their way, and their outcomes. Out: settled lines, in the order of the input. Next: importer.ts.
import type { Line } from './lines.js';
import type { Outcome } from './outcome.js';

/** A line that is on its way. */
export interface Entry {
  readonly line: Line;
  outcome: Outcome | undefined;
}

/**
 * The lines between the one read last and the first that is not settled. Everything held in memory is in here, so
 * that its bounds are those of the import.
 */
export class Window {
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #done: (line: Line, outcome: Outcome) => boolean;
  #entries: Entry[] = [];
  #first = 0;
  #bytes = 0;
  #wake: (() => void) | undefined;

  /** @param done is told of each line in order; false stops there: neither this line nor any later one is settled. */
  constructor(maxLines: number, maxBytes: number, done: (line: Line, outcome: Outcome) => boolean) {
    this.#maxLines = maxLines;
    this.#maxBytes = maxBytes;
    this.#done = done;
  }

  /** Lines on their way. */
  get size(): number {
    return this.#entries.length - this.#first;
  }

  get hasRoom(): boolean {
    return this.size < this.#maxLines && this.#bytes < this.#maxBytes;
  }

  add(line: Line): Entry {
    const entry: Entry = { line, outcome: undefined };
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
      if (!this.#done(head.line, head.outcome)) break;
      this.#bytes -= head.line.bytes.length;
      this.#first += 1;
    }
    // To shift each by itself would move all the others each time; to keep many of them would hold their bytes.
    if (this.#first > this.size) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    this.wake();
  }

  /** Resolves when something has been settled, or at `wake()`. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends `changed()`. */
  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
