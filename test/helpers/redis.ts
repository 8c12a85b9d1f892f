// Starts redis-server on a free port, with a directory of its own, and kills, freezes and restarts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { findRedis } from './find-redis.js';

/** Milliseconds in which it must accept connections. */
const START_MS = 10_000;

/** Settings of redis.conf. */
export type RedisSettings = Readonly<Record<string, string>>;

const DEFAULTS: RedisSettings = {
  bind: '127.0.0.1',
  save: '',
  appendonly: 'yes',
  appendfsync: 'always',
  'repl-diskless-sync-delay': '0',
  'repl-ping-replica-period': '1',
};

export class RedisServer {
  readonly port: number;
  readonly #settings: RedisSettings;
  readonly #directory = mkdtempSync(join(tmpdir(), 'offthread-redis-'));
  readonly #clients: Redis[] = [];
  #child: ChildProcess | undefined;

  /** Starts a server that is ended and removed by `close()`. */
  static async start(settings: RedisSettings = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), { ...DEFAULTS, ...settings });
    await server.restart();
    return server;
  }

  private constructor(port: number, settings: RedisSettings) {
    this.port = port;
    this.#settings = settings;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again with what is on its disk. */
  async restart(): Promise<void> {
    const args = Object.entries(this.#settings).flatMap(([name, value]) => [`--${name}`, value]);
    const executable = findRedis();
    if (executable === undefined) throw new Error('redis-server is not installed');
    const child = spawn(executable, ['--port', String(this.port), '--dir', this.#directory, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new Error(`redis-server doesn't start: ${log}`));
      const timer = setTimeout(fail, START_MS);
      child.once('exit', fail);
      child.once('error', reject);
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (!log.includes('Ready to accept connections')) return;
        clearTimeout(timer);
        child.off('exit', fail);
        resolve();
      });
    });
    // Read on, so that its log doesn't fill the pipe.
    child.stdout.removeAllListeners('data').resume();
  }

  /** Ends it at once, as the kernel would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  /** A client to look at it, or to change its settings. Closed with the server. */
  client(): Redis {
    const client = new Redis(this.url, { protocol: 2, retryStrategy: () => 50 });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.disconnect();
    await this.kill();
    await removeFolder(this.#directory);
  }
}

/** Removes a folder in which a process may write for another moment that the server has forked. */
async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return rmSync(path, { recursive: true, force: true });
    } catch (error) {
      // The retries of rmSync don't remove files that are new.
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}

/** A TCP proxy to a server that can be replaced by another one, like the address of a primary. */
export class MovableAddress {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => {
    const server = tcpConnect(this.#port, '127.0.0.1');
    for (const [from, to] of [[client, server] as const, [server, client] as const]) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        this.#sockets.delete(from);
      });
    }
  });
  #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return `redis://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Breaks all connections; new ones go to another server. */
  moveTo(port: number): void {
    this.#port = port;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
