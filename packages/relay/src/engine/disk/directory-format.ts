// The file `relay.json` of a directory: its format, and the number of partitions of each source.
import { readFileSync } from 'node:fs';
import { codeOf } from '@offthread/worker/spool/file-system';

/** The version of the layout of the directory that this code writes. */
export const FORMAT = 1;

/** Returns the content of the file; undefined if there is none. */
export function readFormat(
  path: string,
): { readonly format: number; readonly partitions: number } | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  // A write that was interrupted left nothing or a part of it. Nothing was stored before it was complete.
  if (!text.endsWith('}\n')) return undefined;
  const { format, partitions } = JSON.parse(text);
  return { format, partitions };
}
