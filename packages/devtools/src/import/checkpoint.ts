// The state file: how far an import is, so that the next run continues there.
import { renameSync, rmSync } from 'node:fs';
import { isObject } from '@offthread/tracking-api/event-rules';
import { UsageError } from '../usage.js';
import type { FormatName } from './format.js';
import type { Position } from './lines.js';
import { readPrivate, writePrivate } from './private-file.js';
import type { Fingerprint } from './source.js';

/** Counts of lines by outcome, over all runs of an import. */
export interface ImportCounts {
  delivered: number;
  failed: number;
  /** Empty lines. */
  blank: number;
  /** Events without a timestamp. Their time is that of the import. */
  undated: number;
  /** Events whose timestamp looks like seconds, but was read as milliseconds. */
  inSeconds: number;
  /** Events without a messageId that equal an earlier one. The API accepts only one of them. */
  repeated: number;
}

/** The content of the file. */
export interface Checkpoint {
  readonly version: 1;
  /** The format of the input. Missing in files of earlier versions. */
  readonly format?: FormatName;
  readonly position: Position;
  readonly tally: ImportCounts;
  /** Number of marks in the file of settled events. Missing in files of earlier versions. */
  readonly marks?: number;
  readonly input: Fingerprint;
  /** Where the events went. */
  readonly url: string;
}

/** The state file, next to the input. */
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

  /** What an earlier run left. Throws a `UsageError` if it was about another input, destination or format. */
  load(): Checkpoint | undefined {
    let text: string | undefined;
    try {
      text = readPrivate(this.path)?.toString('utf8');
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
    if (text === undefined) return undefined;
    const found = parse(text);
    if (found === undefined) {
      throw new UsageError(`${this.path} is not the state of an import; remove it, or pass --restart`);
    }
    const { size, mtimeMs, hash } = found.input;
    if (size !== this.#input.size || mtimeMs !== this.#input.mtimeMs || hash !== this.#input.hash) {
      throw new UsageError(
        `the input has changed since its import stopped after line ${found.position.line}. Pass --restart to start ` +
          'over: events that were delivered have the same messageId and are deduplicated',
      );
    }
    if (found.url !== this.#url) {
      throw new UsageError(
        `the import that stopped was to ${found.url}. Pass --restart to start over with ${this.#url}`,
      );
    }
    const { format = 'ndjson' } = found;
    if (format !== this.#format) {
      throw new UsageError(
        `the import that stopped read the input as ${format}. Pass --restart to start over with ${this.#format}`,
      );
    }
    return found;
  }

  /** Replaces the file atomically: if the process ends meanwhile, the old one remains. */
  save(position: Position, counts: ImportCounts, marks: number): void {
    const about = { input: this.#input, url: this.#url, format: this.#format };
    const checkpoint: Checkpoint = { version: 1, position, tally: counts, marks, ...about };
    const beside = `${this.path}.new`;
    writePrivate(beside, `${JSON.stringify(checkpoint, null, 2)}\n`);
    renameSync(beside, this.path);
  }

  /** Removes the file, because the import is complete. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function parse(text: string): Checkpoint | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || value['version'] !== 1) return undefined;
    const { position, tally, input, marks = 0 } = value;
    const isWhole = isObject(position) && isObject(tally) && isObject(input) && isCount(marks);
    const isNumeric = isWhole && isCount(position['offset']) && isCount(position['line']);
    return isNumeric ? (value as unknown as Checkpoint) : undefined; // Written by save() of this version.
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
