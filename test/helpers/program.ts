// Runs a file of test/fixtures as a child process and returns everything it reports.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Milliseconds after which a program is killed, unless the test says otherwise. No test expects that. */
const LIMIT_MS = 50_000;

/** The flag for the permission model. */
export const permissionFlag = process.version.startsWith('v20.')
  ? '--experimental-permission'
  : '--permission';

export interface ProgramOptions {
  /** Arguments after the file. */
  args?: readonly string[];
  /** Flags for Node.js. */
  flags?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Milliseconds after which it is killed. Default: 50,000. */
  limitMs?: number;
  /** Maximum open file descriptors of the process. */
  maxFiles?: number;
  /** Called for each line of JSON that the program prints. */
  onLine?: (line: Line, kill: (signal: NodeJS.Signals) => void) => void;
}

/**
 * Warnings of Node.js: experimental features, --allow-worker under the permission model, and deprecated
 * module.register().
 */
const OF_ITS_FLAGS =
  /^(\(node:\d+\).*(Permission is an experimental|Frozen intristics is an|--allow-worker must be|`module\.register\(\)`)|Warning: disabling flag --expose_wasm).*\n(\(Use .*\n)?/gm;

/** The lines of JSON that the fixture printed. */
export type Line = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly Line[];
  /** Without the warnings of Node.js about its own flags. */
  readonly stderr: string;
  /** Milliseconds from start to end. */
  readonly elapsedMs: number;
}

/** Runs a fixture and waits until it ends. */
export function runProgram(file: string | URL, options: ProgramOptions = {}): Promise<Ended> {
  const { args = [], flags = [], env = {}, limitMs = LIMIT_MS, maxFiles, onLine } = options;
  const path = fileURLToPath(new URL(file, new URL('../fixtures/', import.meta.url)));
  // Without the test runner's settings for Node.js and for its workers.
  const { NODE_OPTIONS: _, NODE_PATH: __, VITEST: ___, ...outer } = process.env;
  const start = performance.now();
  const command = [process.execPath, ...flags, path, ...args];
  const limited = ['/bin/sh', '-c', `ulimit -n ${maxFiles} && exec "$@"`, 'sh', ...command];
  const [executable = '', ...rest] = maxFiles === undefined ? command : limited;
  const child = spawn(executable, rest, {
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    stderr += piece;
  });
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line: Line = JSON.parse(text);
    lines.push(line);
    onLine?.(line, (signal) => child.kill(signal));
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const elapsedMs = performance.now() - start;
      resolve({ code, signal, lines, stderr: stderr.replace(OF_ITS_FLAGS, ''), elapsedMs });
    });
  });
}
