// Runs the examples of docs/serverless.md as a platform does, which freezes a process after its response.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { read } from './markdown.js';

export interface Platform {
  readonly api: TrackingApi;
  /** A folder in which the packages of the tests are found. */
  readonly folder: string;
  /** Writes the example with these words to a file, with the local Tracking API as its host. Returns the path. */
  example(words: string, which?: number): string;
  /** Starts a program, and kills it after the test. What it prints is collected. */
  start(file: string | URL, args?: readonly string[], env?: Readonly<Record<string, string>>): Process;
}

export interface Process {
  readonly child: ChildProcess;
  /** Everything that it has printed. */
  readonly output: () => string;
  /** Its exit code and the signal that ended it. */
  readonly end: Promise<[number | null, NodeJS.Signals | null]>;
}

/** Sets up a platform for a test file. */
export function withPlatform(): Platform {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-serverless-')));
  const children: ChildProcess[] = [];
  let api: TrackingApi | undefined;

  beforeAll(async () => {
    symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    api = await startTrackingApi();
  });
  beforeEach(() => api?.reset());
  // SIGKILL also ends a frozen process.
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await api?.close();
    rmSync(folder, { recursive: true });
  });

  return {
    folder,
    get api(): TrackingApi {
      if (api === undefined) throw new Error('the local Tracking API has not been started yet');
      return api;
    },
    example(words, which = 0) {
      const blocks = [...read('docs/serverless.md').matchAll(/^```js\n(.*?)^```/gms)].map(
        ([, text = '']) => text,
      );
      const code = blocks.filter((text) => text.includes(words))[which] ?? '';
      const local = code.replace("writeKey: 'YOUR_WRITE_KEY'", `$&, host: '${this.api.url}'`);
      expect(local).toContain(this.api.url);
      writeFileSync(join(folder, 'index.js'), local);
      return join(folder, 'index.js');
    },
    start(file, args = [], env = {}) {
      const child = fork(file, [...args], {
        cwd: folder,
        env: { ...process.env, ...env },
        execArgv: [],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      children.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      const end = once(child, 'exit', { signal: AbortSignal.timeout(50_000) }) as Process['end'];
      // Reported by the test that waits for it, if one does.
      end.catch(() => {});
      return { child, output: () => output, end };
    },
  };
}

/** The next message of a process. */
export async function message<T>(child: ChildProcess): Promise<T> {
  const [received] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  return received as T;
}
