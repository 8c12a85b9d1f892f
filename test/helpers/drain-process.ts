// Runs drains of the relay in processes of their own, which can be killed and stopped.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { DrainProcessOptions } from '../fixtures/drain-process.js';

export class DrainProcess {
  readonly #child: ChildProcess;
  readonly ended: Promise<unknown>;
  /** Partitions that it holds. */
  leases = 0;

  constructor(program: string, options: DrainProcessOptions) {
    const child = spawn(process.execPath, [program, JSON.stringify(options)], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.ended = once(child, 'exit');
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.leases = JSON.parse(line).leases;
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }
}

/** Returns a function that starts drains. They are killed after each test. */
export function withDrainProcesses(): (options: DrainProcessOptions) => DrainProcess {
  const directory = mkdtempSync(join(tmpdir(), 'offthread-drain-'));
  const program = join(directory, 'drain-process.cjs');
  const processes: DrainProcess[] = [];
  beforeAll(async () => {
    await build({
      entryPoints: [fileURLToPath(new URL('../fixtures/drain-process.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node20.19',
      conditions: ['offthread-internal', 'module'],
      logLevel: 'error',
    });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.hasEnded || each.kill()));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (options) => {
    const started = new DrainProcess(program, options);
    processes.push(started);
    return started;
  };
}
