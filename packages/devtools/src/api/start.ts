// Starts the server in another process or thread, and returns a handle to it.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CONTROL_PREFIX } from '../control/control-routes.js';
import { RemoteControl } from '../control/remote-control.js';
import type { HostMessage } from './child.js';
import { settingsFrom, type TrackingApiOptions } from './options.js';

/** Options of `startTrackingApi`. */
export interface StartOptions extends TrackingApiOptions {
  /** Where the server runs: a child process (the default) or a worker thread. */
  in?: 'process' | 'thread';
}

const START_TIMEOUT_MS = 15_000;
const CLOSE_TIMEOUT_MS = 2_000;

type Ready = Extract<HostMessage, { type: 'ready' }>;

/** A running local Tracking API. It doesn't keep the caller's process alive, and ends with it. */
export class TrackingApi extends RemoteControl {
  /** Base URL for a client's `host`. */
  readonly url: string;
  readonly port: number;
  /** The child process; `undefined` for a worker thread. */
  readonly pid: number | undefined;
  #end: () => Promise<void>;
  #closed: Promise<void> | undefined;

  constructor({ url, port, controlPort }: Ready, pid: number | undefined, end: () => Promise<void>) {
    super(`http://127.0.0.1:${controlPort}${CONTROL_PREFIX}`);
    this.url = url;
    this.port = port;
    this.pid = pid;
    this.#end = end;
  }

  /** Ends the server. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Starts the local Tracking API outside the caller's thread, so that it answers while that thread is blocked. Rejects
 * if the port is taken or an option is wrong.
 */
export async function startTrackingApi({
  in: place = 'process',
  ...options
}: StartOptions = {}): Promise<TrackingApi> {
  settingsFrom(options); // Throws in the caller and not in the server.
  return place === 'thread' ? startThread(options) : startProcess(options);
}

/**
 * Returns the environment without NODE_OPTIONS, because modules that the caller preloads must not run in the server.
 */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

async function startProcess(options: TrackingApiOptions): Promise<TrackingApi> {
  const child = fork(new URL('./child.js', import.meta.url), {
    execArgv: [],
    env: environment(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(options);
  try {
    const ready = await firstMessage(child);
    child.unref();
    child.channel?.unref();
    return new TrackingApi(ready, child.pid, () => endProcess(child));
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.ref();
  const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_MS);
  if (child.connected) child.disconnect();
  await exit;
  clearTimeout(timer);
}

async function startThread(options: TrackingApiOptions): Promise<TrackingApi> {
  const worker = new Worker(new URL('./child.js', import.meta.url), {
    execArgv: [],
    env: environment(),
    name: 'tracking-api',
    workerData: options,
  });
  try {
    const ready = await firstMessage(worker);
    worker.unref();
    return new TrackingApi(ready, undefined, async () => {
      await worker.terminate();
    });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** Returns the server's first message. Rejects if the server fails, ends, or sends nothing in time. */
function firstMessage(source: ChildProcess | Worker): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      source.removeListener('message', onMessage);
      source.removeListener('exit', onExit);
      act();
    };
    const onMessage = (message: HostMessage): void =>
      settle(() => (message.type === 'ready' ? resolve(message) : reject(new Error(message.message))));
    const onExit = (code: number | null): void =>
      settle(() => reject(new Error(`the local Tracking API ended with code ${code} before it listened`)));
    const timer = setTimeout(
      () =>
        settle(() =>
          reject(new Error(`the local Tracking API did not listen within ${START_TIMEOUT_MS} ms`)),
        ),
      START_TIMEOUT_MS,
    );
    source.on('message', onMessage);
    source.on('exit', onExit);
    // Never removed, because a later error must not become an uncaught exception. The next call of the handle rejects
    // with it.
    source.on('error', (error: Error) => settle(() => reject(error)));
  });
}
