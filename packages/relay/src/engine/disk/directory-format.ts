// The file `relay.json` of a directory: its format, and the number of partitions of each source. Used by open.ts and
// disk-view.ts.
import { readFileSync } from 'node:fs';
import { codeOf, type FileSystem } from '@offthread/worker/spool/file-system';
import { settled } from './partition-writer.js';
import { replaceFile } from './replaced-file.js';

/** The version of the layout of the directory that this code writes. */
export const FORMAT = 1;

export interface DirectoryFormat {
  readonly format: number;
  readonly partitions: number;
  /** Sources of which events wait in another number of partitions, because their write keys aren't listed any more. */
  readonly others: Readonly<Record<string, number>>;
}

/** Returns the content of the file; undefined if there is none. */
export function readFormat(directory: string): DirectoryFormat | undefined {
  let text: string;
  try {
    text = readFileSync(pathIn(directory), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const { format, partitions, others = {} } = JSON.parse(text);
  return { format, partitions, others };
}

/** Rejects with the system's error. */
export async function writeFormat(
  fs: FileSystem,
  directory: string,
  { format, partitions, others }: DirectoryFormat,
): Promise<void> {
  const content = { format, partitions, ...(Object.keys(others).length > 0 && { others }) };
  await replaceFile(fs, pathIn(directory), Buffer.from(`${JSON.stringify(content)}\n`));
  await settled((done) => fs.syncFolder(directory, done));
}

/** The number of partitions in which the events of a source are. */
export function partitionsOf({ partitions, others }: DirectoryFormat, source: string): number {
  return others[source] ?? partitions;
}

function pathIn(directory: string): string {
  return `${directory}/relay.json`;
}
