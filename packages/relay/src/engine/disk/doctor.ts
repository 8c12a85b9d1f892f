// Examines a directory for `offthread-relay doctor`.
import { randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Finding } from '../../commands/finding.js';
import { isLocked } from './directory-lock.js';

/** A sync that takes longer makes clients wait. */
const SLOW_SYNC_MS = 50;

/** File systems in memory, by the number that Linux gives them: tmpfs and ramfs. */
const IN_MEMORY = new Set([0x0102_1994, 0x8584_58f6]);

export async function examineDirectory(directory: string, maxBytes: number): Promise<Finding[]> {
  const isThere = statSync(directory, { throwIfNoEntry: false }) !== undefined;
  const place = isThere ? directory : dirname(directory);
  const findings: Finding[] = [];
  try {
    findings.push(examineWrites(place, directory));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = 'It must exist, or its parent, and the user of the relay must be allowed to write to it';
    return [{ level: 'error', message: `${directory} cannot be written to (${code})`, remedy }];
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
