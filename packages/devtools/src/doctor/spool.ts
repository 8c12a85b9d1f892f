// Checks whether clients can keep events in the directory of a spool. Used by commands/doctor.ts.
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { findRuns } from '@offthread/sdk/spool';
import { type Check, failed, messageOf, ok, warning } from './check.js';

/** What clients may keep by default. */
const ROOM = 1024 ** 3;

/** Numbers of file systems by statfs(2), and the warning for each. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  26985:
    'NFS: what is synced is only as safe as the server says, and runs of other machines are taken over after two minutes',
  16914836: 'tmpfs, which is memory: it survives the process, not the machine',
  2035054128: 'overlayfs, the writable layer of a container: it is gone with the container',
};

export async function checkSpool(directory: string): Promise<Check> {
  const name = 'spool';
  try {
    if (!statSync(directory).isDirectory())
      return failed(name, `${directory} is a file`, 'Name a directory.');
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const { type, bavail, bsize } = statfsSync(directory);
    const room = bavail * bsize;
    const facts = { directory, room, runs: (await findRuns(directory)).length };
    const kind = FILE_SYSTEMS[type];
    if (kind !== undefined) return warning(name, `${directory} is on ${kind}`, 'Use a disk or a volume.');
    if (room < ROOM) {
      const text = `${directory} has ${Math.floor(room / 1e6)} MB left, and spool.maxBytes is 1,074 MB by default`;
      return warning(name, text, 'Make room, or set spool.maxBytes lower.');
    }
    return ok(name, `${directory} can be written to; ${facts.runs} runs are in it`, facts);
  } catch (error) {
    return failed(
      name,
      messageOf(error),
      'Create the directory, and make it writable for the user of the server.',
    );
  }
}
