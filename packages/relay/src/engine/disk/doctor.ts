// Examines a directory for `offthread-relay doctor`.
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Finding } from '../../commands/finding.js';
import { isLocked } from './directory-lock.js';
import { DiskView } from './disk-view.js';

/** A sync that takes longer makes clients wait. */
const SLOW_SYNC_MS = 50;

/** File systems in memory, by the number that Linux gives them: tmpfs and ramfs. */
const IN_MEMORY = new Set([0x0102_1994, 0x8584_58f6]);

/** The settings of the relay that is to use the directory. */
interface Intended {
  readonly directory: string;
  readonly maxBytes: number;
  readonly partitions: number;
}

/** @param sources those whose write keys are listed. */
export async function examineDirectory(
  { directory, maxBytes, partitions }: Intended,
  sources: readonly string[],
): Promise<Finding[]> {
  const facts = statSync(directory, { throwIfNoEntry: false });
  const isThere = facts !== undefined;
  const place = isThere ? directory : dirname(directory);
  const findings: Finding[] = [];
  try {
    findings.push(examineWrites(place, directory));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = 'It must exist, or its parent, and the user of the relay must be allowed to write to it';
    return [{ level: 'error', message: `${directory} cannot be written to (${code})`, remedy }];
  }
  if (isThere && process.platform !== 'win32' && (facts.mode & 0o022) !== 0) {
    findings.push({
      level: 'warning',
      message: `other users of this machine may write to ${directory}, and remove events`,
      remedy: `Run chmod go-w ${directory}`,
    });
  }
  const { type, bavail, bsize } = statfsSync(place);
  if (IN_MEMORY.has(type)) {
    findings.push({
      level: 'warning',
      message: `${directory} is in memory: what waits is lost when the machine ends`,
      remedy: 'Use a directory on a disk or a volume',
    });
  }
  const free = bavail * bsize;
  if (free < maxBytes) {
    findings.push({
      level: 'warning',
      message: `the disk has ${mega(free)} MB left, less than the ${mega(maxBytes)} MB of --max-bytes`,
      remedy:
        'When it is full, requests are answered with 503, and clients keep their events as long as they can',
    });
  }
  if (isThere && (await isLocked(directory)))
    findings.push({ level: 'ok', message: `a relay uses ${directory} now` });
  return [...findings, ...(await examinePartitions(directory, partitions, sources))];
}

/** A relay with another number of partitions doesn't start. */
async function examinePartitions(
  directory: string,
  partitions: number,
  sources: readonly string[],
): Promise<Finding[]> {
  const view = new DiskView(directory);
  const findings: Finding[] = [];
  for (const source of view.sources().filter((name) => sources.includes(name))) {
    const kept = view.partitions(source);
    if (kept === undefined || kept === partitions || (await view.backlog(source)).events === 0) continue;
    findings.push({
      level: 'error',
      message: `events of source ${source} wait in ${kept} partitions, and --partitions is ${partitions}`,
      remedy: `Pass --partitions ${kept} until they are delivered`,
    });
  }
  return findings;
}

function examineWrites(place: string, directory: string): Finding {
  const path = `${place}/doctor-${randomBytes(8).toString('hex')}`;
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, 'written by offthread-relay doctor');
    const start = performance.now();
    fdatasyncSync(file);
    const elapsed = performance.now() - start;
    const message = `${directory} can be written to; a sync takes ${elapsed.toFixed(1)} ms`;
    if (elapsed <= SLOW_SYNC_MS) return { level: 'ok', message };
    return { level: 'warning', message, remedy: 'Each request waits for one or two of them' };
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

function mega(bytes: number): string {
  return Math.floor(bytes / 1e6).toLocaleString('en-US');
}
