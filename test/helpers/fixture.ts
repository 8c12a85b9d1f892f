// Runs a program of test/fixtures and returns its output and exit code.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The result of a child process. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FixtureOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly execArgv?: readonly string[];
  /** Milliseconds after which it is killed and the test fails. Default: 25,000. */
  readonly timeoutMs?: number;
}

/** Runs a fixture and waits until it ends. Rejects if it takes too long. */
export function runFixture(
  name: string,
  args: readonly string[] = [],
  options: FixtureOptions = {},
): Promise<Ended> {
  const { env = {}, execArgv = [], timeoutMs = 25_000 } = options;
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  const child = spawn(process.execPath, [...execArgv, path, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} did not end within ${timeoutMs} ms; its output: ${stdout}${stderr}`));
    }, timeoutMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}
