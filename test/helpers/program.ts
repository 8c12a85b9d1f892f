// In: a file of test/fixtures. Out: it was run as a program of its own, and all that can be seen of it from outside.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Milliseconds after which a program that has not ended is killed, which no test expects. */
const LIMIT_MS = 50_000;

/** Turns Node's permission model on. */
export const permissionFlag = process.version.startsWith('v20.')
  ? '--experimental-permission'
  : '--permission';

export interface ProgramOptions {
  /** Arguments behind the file. */
  args?: readonly string[];
  /** Flags for Node. */
  flags?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** File descriptors the process may have. */
  maxFiles?: number;
  /** Called with each line of JSON that the program says. */
  onLine?: (line: Line, kill: (signal: NodeJS.Signals) => void) => void;
}

/** That something is experimental, that --allow-worker weakens the permission model, that module.register() is to go. */
const OF_ITS_FLAGS =
  /^(\(node:\d+\).*(Permission is an experimental|Frozen intristics is an|--allow-worker must be|`module\.register\(\)`)|Warning: disabling flag --expose_wasm).*\n(\(Use .*\n)?/gm;

/** What a fixture says in a line of JSON. */
export type Line = Readonly<Record<string, unknown>>;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly Line[];
  /** Without what Node says of its own flags. */
  readonly stderr: string;
  /** Milliseconds from its start to its end. */
  readonly elapsedMs: number;
}

/** Runs a fixture to its end. */
export function runProgram(file: string | URL, options: ProgramOptions = {}): Promise<Ended> {
  const { args = [], flags = [], env = {}, maxFiles, onLine } = options;
  const path = fileURLToPath(new URL(file, new URL('../fixtures/', import.meta.url)));
  // Neither what the test runner wants of Node nor what it tells its workers is for a program.
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
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const elapsedMs = performance.now() - start;
      resolve({ code, signal, lines, stderr: stderr.replace(OF_ITS_FLAGS, ''), elapsedMs });
    });
  });
}
