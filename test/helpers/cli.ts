// Runs `offthread` as a child process and returns its output and exit code.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(
  new URL('bin/offthread.js', import.meta.resolve('@offthread/devtools/package.json')),
);

/** The write key of every run. No output may contain it. */
export const SECRET = 'SecretWriteKeyOfTheTests00000001';

/** Milliseconds after which a run is killed. No test expects that. */
const LIMIT_MS = 100_000;

export interface CliOptions {
  /** Added to this process's environment. `OFFTHREAD_WRITE_KEY` defaults to `SECRET`. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Written to stdin. Default: nothing. */
  input?: Buffer | string;
  /** Files of test/fixtures that Node.js loads first. */
  preload?: readonly string[];
  cwd?: string;
}

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `offthread`. */
export interface CliRun {
  readonly child: ChildProcess;
  /** Resolves when it ends. Rejects if its output contains the write key. */
  readonly end: Promise<CliEnd>;
}

/** Runs `offthread` and waits until it ends. */
export function offthread(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  return startOffthread(args, options).end;
}

/** Starts `offthread`. */
export function startOffthread(args: readonly string[], options: CliOptions = {}): CliRun {
  const { env = {}, input = '', preload = [], cwd } = options;
  const flags = preload.flatMap((file) => ['--import', new URL(`../fixtures/${file}`, import.meta.url).href]);
  // Without the test runner's settings for Node.js, and without those that turn colours on or off.
  const { NODE_OPTIONS: _, NO_COLOR: __, FORCE_COLOR: ___, CI: ____, ...outer } = process.env;
  const child = spawn(process.execPath, [...flags, BIN, ...args], {
    env: { ...outer, OFFTHREAD_WRITE_KEY: SECRET, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      said[name] += piece;
    });
  }
  // A program that ends before it has read its input closes the pipe.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const end = new Promise<CliEnd>((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const all = said.stdout + said.stderr;
      if (all.includes(SECRET) || all.includes(btoa(`${SECRET}:`)))
        reject(new Error(`the write key is in:\n${all}`));
      else resolve({ code, signal, ...said });
    });
  });
  return { child, end };
}
