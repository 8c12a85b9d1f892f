// Names of a scenario and a subject -> a child process that measures, and what it says. Used by scenarios.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Milliseconds after which a child is given up: one peer needs minutes for what the others do in one second. */
const LIMIT_MS = 60_000;

const CHILD = new URL('child.js', import.meta.url);

/** A child process at work. */
export class Run {
  #child;
  #timer;

  constructor(scenario, subject, settings, { nodeArguments = [], execPath = process.execPath } = {}) {
    this.start = performance.now();
    this.#child = fork(CHILD, [scenario, subject, JSON.stringify(settings)], {
      execArgv: nodeArguments,
      execPath,
      // Some subjects write to the console when they lose events.
      stdio: ['ignore', 'ignore', process.env.BENCH_DEBUG ? 'inherit' : 'ignore', 'ipc'],
    });
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), LIMIT_MS);
  }

  /** The next message of the child; undefined where it ended without one. */
  async next() {
    const ended = new AbortController();
    const message = once(this.#child, 'message', { signal: ended.signal }).then(([value]) => value);
    const exit = once(this.#child, 'exit', { signal: ended.signal }).then(() => undefined);
    try {
      return await Promise.race([message, exit]);
    } finally {
      ended.abort();
      message.catch(() => {});
      exit.catch(() => {});
    }
  }

  /** Says something and gives the answer; undefined where the child has ended, or does so without one. */
  async ask(message) {
    if (this.#over || !this.#child.connected) return undefined;
    // With a callback, so that the end of the child at this very moment is no error of ours.
    this.#child.send(message, () => {});
    return this.next();
  }

  /** Waits for the end; gives the exit code and the milliseconds since the start. */
  async ended() {
    if (!this.#over) await once(this.#child, 'exit');
    clearTimeout(this.#timer);
    return { code: this.#child.exitCode, elapsed: performance.now() - this.start };
  }

  get #over() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** Runs a child that has one thing to say. */
export async function runOnce(scenario, subject, settings, options) {
  const run = new Run(scenario, subject, settings, options);
  const result = await run.next();
  const end = await run.ended();
  return { result, ...end };
}
