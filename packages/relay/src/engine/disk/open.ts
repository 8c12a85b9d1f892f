// Opens the engine on a directory.
import { codeOf, type FileSystem, nodeFileSystem, writeAll } from '@offthread/worker/spool/file-system';
import type { Logger } from 'pino';
import { FORMAT, readFormat } from './directory-format.js';
import { DirectoryLock } from './directory-lock.js';
import { DiskEngine } from './disk-engine.js';
import { settled } from './partition-writer.js';
import { isSourceFolder } from './source-folder.js';
import { SourceLog } from './source-log.js';

export interface DiskOptions {
  readonly directory: string;
  readonly partitions: number;
  /** Most bytes that wait for one source, dead letters included. */
  readonly maxBytes: number;
  /** Names of the sources. */
  readonly sources: readonly string[];
  /** Most dead letters of one source. Default: 10,000. */
  readonly maxDeadLetters?: number;
  readonly relayId: string;
  readonly log: Logger;
  /** Tests inject faults. */
  readonly fileSystem?: FileSystem;
}

/** Opens the engine, and makes the directory if it isn't there. Rejects with an error that says what to do. */
export async function openDiskEngine({
  directory,
  partitions,
  maxBytes,
  sources,
  maxDeadLetters = 10_000,
  relayId,
  log,
  fileSystem: fs = nodeFileSystem,
}: DiskOptions): Promise<DiskEngine> {
  makeDirectory(fs, directory);
  const lock = await DirectoryLock.acquire(directory, () =>
    log.warn({ directory }, 'another relay may use the directory; waiting for a sign of life'),
  ).catch((error: unknown) => {
    throw withRemedy(error, directory);
  });
  const opened = new Map<string, SourceLog>();
  try {
    await checkFormat(fs, directory, partitions);
    for (const source of sources)
      opened.set(
        source,
        await SourceLog.open(fs, directory, source, { partitions, maxDeadLetters, maxBytes }),
      );
    report(fs, directory, opened, log);
    return new DiskEngine({ directory, partitions, maxBytes, relayId, lock, sources: opened });
  } catch (error) {
    for (const source of opened.values()) source.close();
    lock.release();
    throw error;
  }
}

function makeDirectory(fs: FileSystem, directory: string): void {
  try {
    fs.makeFolder(directory);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw new Error(
      `the directory ${directory} cannot be made (${codeOf(error)}); its parent must exist, and this user must be allowed to write to it`,
    );
  }
}

function withRemedy(error: unknown, directory: string): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  return new Error(
    `the directory ${directory} cannot be used (${code}); it must be a directory that the user of the relay may write to`,
    { cause: error },
  );
}

/** Rejects if the directory was written with another number of partitions and isn't empty. */
async function checkFormat(fs: FileSystem, directory: string, partitions: number): Promise<void> {
  const path = `${directory}/relay.json`;
  const known = readFormat(path);
  if (known !== undefined && known.format !== FORMAT)
    throw new Error(
      `${directory} is of format ${known.format}, which this version doesn't know; use the version that wrote it`,
    );
  if (known?.partitions === partitions) return;
  if (known !== undefined && (await hasWaiting(fs, directory, known.partitions))) {
    throw new Error(
      `${directory} has events in ${known.partitions} partitions; run with --partitions ${known.partitions} until it is empty, then change the number`,
    );
  }
  const file = openEmpty(fs, path);
  try {
    writeAll(fs, file, Buffer.from(`${JSON.stringify({ format: FORMAT, partitions })}\n`), 0);
    await settled((done) => fs.sync(file, done));
  } finally {
    fs.close(file);
  }
  await settled((done) => fs.syncFolder(directory, done));
}

function openEmpty(fs: FileSystem, path: string): number {
  try {
    return fs.open(path, 'wx+');
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const file = fs.open(path, 'r+');
    fs.truncate(file, 0);
    return file;
  }
}

async function hasWaiting(fs: FileSystem, directory: string, partitions: number): Promise<boolean> {
  for (const source of fs.list(directory).filter(isSourceFolder)) {
    const log = await SourceLog.open(fs, directory, source, { partitions, maxDeadLetters: 0, maxBytes: 0 });
    try {
      if (log.backlog().events > 0) return true;
    } finally {
      log.close();
    }
  }
  return false;
}

/** Logs what was found. */
function report(
  fs: FileSystem,
  directory: string,
  opened: ReadonlyMap<string, SourceLog>,
  log: Logger,
): void {
  for (const [source, { partitions }] of opened) {
    for (const [partition, { damaged, leftAlone }] of partitions.entries()) {
      if (damaged > 0) log.error({ source, partition, damaged }, 'entries are damaged and were skipped');
      for (const path of leftAlone) log.error({ source, path }, 'a segment cannot be read and is left alone');
    }
  }
  const others = fs.list(directory).filter((name) => isSourceFolder(name) && !opened.has(name));
  if (others.length > 0)
    log.warn({ sources: others }, 'events of write keys that are not listed stay in the directory');
}
