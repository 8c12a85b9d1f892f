// Runs on a disk of a test's own: written, read back.
import { writeFrameHeader } from '@offthread/worker/frame/frame';
import { FRAME_HEADER_BYTES } from '@offthread/worker/protocol';
import {
  AdoptedRun,
  type FileSystem,
  OwnRun,
  parseRun,
  type RunIdentity,
  segmentsOf,
  sourceOf,
} from '@offthread/worker/spool/index';
import { ModelFileSystem } from './model-file-system.js';

export const DIRECTORY = '/spool';

export const IDENTITY: RunIdentity = {
  source: sourceOf('KEY'),
  frameDefaults: {
    idPrefix: 'abcdefghijklmnopqrstu-',
    library: '{"name":"@offthread/sdk","version":"0.1.0"}',
  },
};

/** An empty directory in memory. */
export function emptyDisk(): ModelFileSystem {
  const fs = new ModelFileSystem();
  fs.makeFolder(DIRECTORY);
  fs.syncFolder('/', () => {});
  return fs;
}

export function payloadOf(sequence: number, filler = ''): string {
  return `{"userId":"u${sequence}","properties":{"filler":"${filler}"}}`;
}

export function add(run: OwnRun, sequence: number, filler = ''): boolean {
  return run.add(sequence, frameOf(payloadOf(sequence, filler), 1_700_000_000_000 + sequence));
}

/** A frame as main writes it. */
export function frameOf(
  payload: string,
  time: number,
): { readonly memory: Buffer; readonly start: number; readonly end: number } {
  const memory = Buffer.from(`${'?'.repeat(FRAME_HEADER_BYTES)}${payload}`);
  writeFrameHeader(memory, 0, { kind: 'track', time }, memory.length - FRAME_HEADER_BYTES);
  return { memory, start: FRAME_HEADER_BYTES, end: memory.length };
}

export function createRun(
  fs: FileSystem,
  { segmentBytes, holder = '00000000000000aa' }: { segmentBytes?: number; holder?: string } = {},
): OwnRun {
  const wallTime = () => 1_700_000_000_000;
  return OwnRun.create({ fs, directory: DIRECTORY, holder, identity: IDENTITY, wallTime, segmentBytes }, 0);
}

/** A run with these events, as a process leaves it that is killed. */
export function leaveRun(fs: FileSystem, count: number, segmentBytes?: number): OwnRun {
  const run = createRun(fs, segmentBytes === undefined ? {} : { segmentBytes });
  for (let sequence = 1; sequence <= count; sequence++) {
    add(run, sequence);
    run.write();
  }
  return run;
}

/** Paths of the segments of all runs, in order. */
export function segmentPaths(fs: FileSystem): string[] {
  return fs
    .list(DIRECTORY)
    .filter((name) => parseRun(name) !== undefined)
    .flatMap((run) =>
      segmentsOf(fs.list(`${DIRECTORY}/${run}`)).map(({ name }) => `${DIRECTORY}/${run}/${name}`),
    );
}

export interface Recovered {
  readonly sequences: number[];
  readonly payloads: string[];
  readonly run: AdoptedRun;
}

/** Reads what is left of the only run there is. */
export function recover(fs: FileSystem): Recovered {
  const [name] = fs.list(DIRECTORY).flatMap((each) => parseRun(each) ?? []);
  if (name === undefined) throw new Error('There is no run');
  return readAll(new AdoptedRun(fs, DIRECTORY, name));
}

export function readAll(run: AdoptedRun): Recovered {
  const sequences: number[] = [];
  const payloads: string[] = [];
  for (let record = run.shift(); record !== undefined; record = run.shift()) {
    sequences.push(record.sequence);
    payloads.push(record.memory.toString('utf8', record.start, record.end));
  }
  return { sequences, payloads, run };
}
