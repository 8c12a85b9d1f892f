// In: how far an import is. Out: the same, in the next run. Next: importer.ts goes on from there.
import { renameSync, rmSync } from 'node:fs';
import { isObject } from '../event-rules.js';
import { UsageError } from '../usage.js';
import type { FormatName } from './format.js';
import type { Position } from './lines.js';
import { readPrivate, writePrivate } from './private-file.js';
import type { Fingerprint } from './source.js';

/** Lines by outcome, over all runs of an import. */
export interface Tally {
  delivered: number;
  failed: number;
  /** Lines with nothing in them. */
  blank: number;
  /** Events without a timestamp, which were sent as of the moment of their import. */
  undated: number;
  /** Events whose timestamp looks like seconds, and was read as milliseconds. */
  inSeconds: number;
  /** Events without a messageId that are equal to an earlier one: the API takes them once. */
  repeated: number;
}

/** What is written down. */
export interface Checkpoint {
  readonly version: 1;
  /** What the input was read as. What an earlier version left has none. */
  readonly format?: FormatName;
  readonly position: Position;
  readonly tally: Tally;
  readonly input: Fingerprint;
  /** Where the events went. */
  readonly url: string;
}

/** The file beside the input that says how far its import is. */
export class CheckpointFile {
  readonly path: string;
  readonly #input: Fingerprint;
  readonly #url: string;
  readonly #format: FormatName;

  constructor(path: string, input: Fingerprint, url: string, format: FormatName) {
    this.path = path;
    this.#input = input;
    this.#url = url;
    this.#format = format;
  }

  /** What an earlier run left. Throws a `UsageError` where that was about another input or another destination. */
  load(): Checkpoint | undefined {
    let text: string | undefined;
    try {
      text = readPrivate(this.path);
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
    if (text === undefined) return undefined;
    const found = parse(text);
    if (found === undefined) {
      throw new UsageError(`${this.path} is not what an import leaves; remove it, or pass --restart`);
    }
    const { size, mtimeMs, hash } = found.input;
    if (size !== this.#input.size || mtimeMs !== this.#input.mtimeMs || hash !== this.#input.hash) {
      throw new UsageError(
        `the input has changed since its import stopped after line ${found.position.line}. Pass --restart to begin ` +
          'anew: what was delivered before has the same messageId and is deduplicated',
      );
    }
    if (found.url !== this.#url) {
      throw new UsageError(
        `the import that stopped went to ${found.url}. Pass --restart to begin one to ${this.#url}`,
      );
    }
    const { format = 'ndjson' } = found;
    if (format !== this.#format) {
      throw new UsageError(
        `the import that stopped took the input for ${format}. Pass --restart to begin one of ${this.#format}`,
      );
    }
    return found;
  }

  /** Writes it down. Whenever the process ends, there is either the old one or the new one. */
  save(position: Position, tally: Tally): void {
    const about = { input: this.#input, url: this.#url, format: this.#format };
    const checkpoint: Checkpoint = { version: 1, position, tally, ...about };
    const beside = `${this.path}.new`;
    writePrivate(beside, `${JSON.stringify(checkpoint, null, 2)}\n`);
    renameSync(beside, this.path);
  }

  /** The import is over. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function parse(text: string): Checkpoint | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || value['version'] !== 1) return undefined;
    const { position, tally, input } = value;
    const isWhole = isObject(position) && isObject(tally) && isObject(input);
    const isNumeric = isWhole && isCount(position['offset']) && isCount(position['line']);
    return isNumeric ? (value as unknown as Checkpoint) : undefined; // A file of ours, of this version.
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
