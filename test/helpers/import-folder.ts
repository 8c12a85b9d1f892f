// Imports files of events by the command line, from a folder of their own into one local API.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReceivedEvent, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type CliEnd, type CliOptions, type CliRun, startOffthread } from './cli.js';
import { withFolder } from './folder.js';

/** A folder for each test, and an API that is reset before each test. */
export interface ImportFolder {
  readonly api: TrackingApi;
  readonly path: string;
  write(name: string, content: readonly string[] | string | Buffer): void;
  read(name: string): string;
  /** The lines of the file of failed lines, parsed. */
  reasons(name: string): Record<string, unknown>[];
  start(file: string, args?: readonly string[], options?: CliOptions): CliRun;
  run(file: string, args?: readonly string[], options?: CliOptions): Promise<CliEnd>;
}

export function withImportFolder(): ImportFolder {
  let api: TrackingApi;
  let path = '';
  withFolder((made) => {
    path = made;
  });
  beforeAll(async () => {
    api = await startTrackingApi();
  });
  beforeEach(() => api.reset());
  afterAll(() => api.close());
  const start = (file: string, args: readonly string[] = [], options: CliOptions = {}): CliRun =>
    startOffthread(['import', file, '--host', api.url, '--progress', '0', ...args], {
      cwd: path,
      ...options,
    });
  const read = (name: string): string => readFileSync(join(path, name), 'utf8');
  return {
    get api() {
      return api;
    },
    get path() {
      return path;
    },
    write(name, content) {
      const text =
        typeof content === 'string' || Buffer.isBuffer(content) ? content : `${content.join('\n')}\n`;
      writeFileSync(join(path, name), text);
    },
    read,
    reasons: (name) =>
      read(name)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    start,
    run: (file, args, options) => start(file, args, options).end,
  };
}

/** An event as it appears in a file of historical events. */
export function historic(n: number, fields: object = {}): object {
  const timestamp = new Date(Date.UTC(2019, 4, 1) + n * 1_000).toISOString();
  return {
    type: 'track',
    userId: `user-${n}`,
    event: 'Order Completed',
    timestamp,
    properties: { n },
    ...fields,
  };
}

export function line(n: number, fields: object = {}): string {
  return JSON.stringify(historic(n, fields));
}

/** The property `n` of each event. */
export function numbersOf(events: readonly ReceivedEvent[]): unknown[] {
  return events.map(({ properties }) => properties?.['n']);
}
