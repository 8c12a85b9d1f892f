// Starts a child process that measures one scenario and subject, and receives its results. Used by scenarios.
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Milliseconds after which a child is killed. One peer needs minutes for what the others do in a second. */
const LIMIT_MS = 60_000;

const CHILD = new URL('child.js', import.meta.url);

/** A running child process. */
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

  /** Returns the next message of the child, or undefined if it ended without one. */
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

  /** Sends a message and returns the answer, or undefined if the child has ended or ends without one. */
  async ask(message) {
    if (this.#over || !this.#child.connected) return undefined;
    // With a callback, so that sending to a child that is just ending isn't an error.
    this.#child.send(message, () => {});
    return this.next();
  }

  /** Waits for the end. Returns the exit code and the milliseconds since the start. */
  async ended() {
    if (!this.#over) await once(this.#child, 'exit');
    clearTimeout(this.#timer);
    return { code: this.#child.exitCode, elapsed: performance.now() - this.start };
  }

  get #over() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

/** Runs a child that sends a single message. */
export async function runOnce(scenario, subject, settings, options) {
  const run = new Run(scenario, subject, settings, options);
  const result = await run.next();
  const end = await run.ended();
  return { result, ...end };
}
