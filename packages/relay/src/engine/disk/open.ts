// Opens the engine on a directory.
import { isDeepStrictEqual } from 'node:util';
import { codeOf, type FileSystem, nodeFileSystem } from '@offthread/worker/spool/file-system';
import type { Logger } from 'pino';
import { type DirectoryFormat, FORMAT, partitionsOf, readFormat, writeFormat } from './directory-format.js';
import { DirectoryLock } from './directory-lock.js';
import { DiskEngine } from './disk-engine.js';
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
    await checkFormat(fs, directory, partitions, sources);
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

/** Rejects if events of a source wait in another number of partitions. */
async function checkFormat(
  fs: FileSystem,
  directory: string,
  partitions: number,
  sources: readonly string[],
): Promise<void> {
  const known = readFormat(directory);
  if (known !== undefined && known.format !== FORMAT)
    throw new Error(
      `${directory} is of format ${known.format}, which this version doesn't know; use the version that wrote it`,
    );
  const others = known === undefined ? {} : await othersIn(fs, directory, known, partitions, sources);
  if (known?.partitions === partitions && isDeepStrictEqual(known.others, others)) return;
  await writeFormat(fs, directory, { format: FORMAT, partitions, others });
}

/** Returns the sources that stay in another number of partitions until their write keys are listed again. */
async function othersIn(
  fs: FileSystem,
  directory: string,
  known: DirectoryFormat,
  partitions: number,
  sources: readonly string[],
): Promise<Record<string, number>> {
  const others: Record<string, number> = {};
  for (const source of fs.list(directory).filter(isSourceFolder)) {
    const kept = partitionsOf(known, source);
    if (kept === partitions || !(await hasWaiting(fs, directory, source, kept))) continue;
    if (sources.includes(source)) {
      throw new Error(
        `${directory} has events of source ${source} in ${kept} partitions; run with --partitions ${kept} until they are delivered, then change the number`,
      );
    }
    others[source] = kept;
  }
  return others;
}

async function hasWaiting(
  fs: FileSystem,
  directory: string,
  source: string,
  partitions: number,
): Promise<boolean> {
  const log = await SourceLog.open(fs, directory, source, { partitions, maxDeadLetters: 0, maxBytes: 0 });
  try {
    return log.backlog().events > 0;
  } finally {
    log.close();
  }
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
