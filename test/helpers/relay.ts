// Runs `offthread-relay` as a child process.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../packages/relay/bin/offthread-relay.js', import.meta.url));

/** A write key that no output, log or metric may contain. */
export const RELAY_KEY = 'SecretWriteKeyOfTheRelay0000001';

/** Milliseconds in which a relay must start, and after which a command is killed. */
const START_LIMIT_MS = 30_000;
const COMMAND_LIMIT_MS = 60_000;

export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line of the relay's log. */
type LogLine = Readonly<Record<string, unknown>> & { readonly level: number; readonly msg: string };

export interface RunningRelay {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  /** Resolves when it ends. Rejects if its output contains `RELAY_KEY`. */
  readonly end: Promise<CommandEnd>;
  /** Sends a signal and waits for the end. Default: SIGTERM. */
  stop(signal?: NodeJS.Signals): Promise<CommandEnd>;
}

export interface RelayOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default: `RELAY_KEY`. */
  readonly keys?: readonly string[];
  readonly cwd?: string;
}

/** Runs a command of `offthread-relay` and waits until it ends. */
export function relayCommand(args: readonly string[], options: RelayOptions = {}): Promise<CommandEnd> {
  return launch(args, options).end;
}

/** Starts a relay on any free port, and waits until it accepts events. */
export async function startRelay(options: RelayOptions = {}): Promise<RunningRelay> {
  const { keys = [RELAY_KEY], args = [], env = {} } = options;
  const { child, end, lines } = launch(['--port', '0', ...args], {
    ...options,
    env: { OFFTHREAD_RELAY_WRITE_KEYS: keys.join(','), ...env },
  });
  const log: LogLine[] = [];
  const started = new Promise<LogLine>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the relay did not start within ${START_LIMIT_MS} ms: ${JSON.stringify(log)}`));
    }, START_LIMIT_MS);
    lines.on('line', (text) => {
      const line: LogLine = JSON.parse(text);
      log.push(line);
      if (line.msg !== 'the relay has started') return;
      clearTimeout(timer);
      resolve(line);
    });
    end.then(({ code, stderr }) => {
      clearTimeout(timer);
      reject(new Error(`the relay ended with ${code}: ${stderr}${JSON.stringify(log)}`));
    }, reject);
  });
  const { url, metricsUrl } = await started;
  return {
    url: String(url),
    metricsUrl: metricsUrl === undefined ? undefined : String(metricsUrl),
    child,
    log,
    end,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return end;
    },
  };
}

function launch(args: readonly string[], { env = {}, cwd }: RelayOptions) {
  // Without the test runner's settings for Node.js.
  const { NODE_OPTIONS: _, NODE_EXTRA_CA_CERTS: __, ...outer } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (piece: string) => {
      said[name] += piece;
    });
  }
  const lines = createInterface({ input: child.stdout });
  const isServer = args[0]?.startsWith('--') === true && !args.includes('--help');
  const end = new Promise<CommandEnd>((resolve, reject) => {
    const timer = isServer ? undefined : setTimeout(() => child.kill('SIGKILL'), COMMAND_LIMIT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const all = said.stdout + said.stderr;
      if (all.includes(RELAY_KEY) || all.includes(btoa(`${RELAY_KEY}:`)))
        reject(new Error(`the write key is in:\n${all}`));
      else resolve({ code, signal, ...said });
    });
  });
  end.catch(() => {}); // A test that awaits it still gets the rejection.
  return { child, end, lines };
}

/** A folder for a test, and files in it. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'offthread-relay-'));

  /** Writes a file and returns its path. */
  write(name: string, content: string): string {
    const file = join(this.path, name);
    writeFileSync(file, content, { mode: 0o600 });
    return file;
  }

  at(name: string): string {
    return join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Waits until something is true. */
export async function until(isTrue: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> {
  const start = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${isTrue}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
