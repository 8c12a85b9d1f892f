// Makes the path of a holder's socket short enough for the system. Used by holder.ts and holder-watch.ts.

import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';

/** Longest address of a unix socket in bytes, without the terminating 0: 103 on macOS, 107 on Linux. */
const MAX_BYTES = process.platform === 'linux' ? 107 : 103;

/** Calls `use` with an address for `DIRECTORY/HOLDER.sock`. The address is valid only during the call. */
export function withSocketPath<T>(directory: string, holder: string, use: (path: string) => T): T {
  const name = `${holder}.sock`;
  if (process.platform === 'win32') return use(pipeOf(directory, holder));
  const path = `${directory}/${name}`;
  if (Buffer.byteLength(path) <= MAX_BYTES) return use(path);
  if (process.platform !== 'linux')
    throw Object.assign(
      new Error(`The path of the spool directory has more than ${MAX_BYTES - name.length} bytes`),
      {
        code: 'ENAMETOOLONG',
      },
    );
  // Node.js 20 silently truncates a path that is too long, and then listens somewhere else.
  const folder = openSync(directory, 'r');
  try {
    return use(`/proc/self/fd/${folder}/${name}`);
  } finally {
    closeSync(folder);
  }
}

/** The names of pipes are global to the machine. */
function pipeOf(directory: string, holder: string): string {
  const place = process
    .getBuiltinModule('node:crypto')
    .createHash('sha256')
    .update(resolve(directory).toLowerCase())
    .digest('hex')
    .slice(0, 16);
  return `\\\\.\\pipe\\offthread-${place}-${holder}`;
}
