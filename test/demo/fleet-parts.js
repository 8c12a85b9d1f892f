// The parts of fleet.js and of the benchmark of the relay: redis-server, relays, a load balancer, and programs, each in a process of its own.
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const RELAY = fileURLToPath(new URL('../../packages/relay/bin/offthread-relay.js', import.meta.url));
const LIMIT_MS = 20_000;

/** Processes to end with this one. */
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function kept(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function ended(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(LIMIT_MS + 20_000) });
  child.kill(signal);
  const [code] = await exit;
  return code;
}

/** Resolves with the first line of the output that `isWanted`. Keeps reading after it, so that the pipe doesn't fill up. */
function lineOf(child, isWanted) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`process ${child.pid} did not start in time`)), LIMIT_MS);
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (!isWanted(text)) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Returns the path of redis-server. Installs it if this is a Debian system and its user is root. */
function findRedis() {
  const find = () => {
    try {
      return execFileSync('sh', ['-c', 'command -v redis-server'], { encoding: 'utf8' }).trim();
    } catch {
      return undefined;
    }
  };
  const found = find();
  if (found !== undefined) return found;
  if (process.getuid?.() === 0) {
    try {
      const install = 'apt-get update -qq && apt-get install -qqy --no-install-recommends redis-server';
      execFileSync('sh', ['-c', install], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 180_000 });
    } catch {
      // The message below says what to do.
    }
  }
  const installed = find();
  if (installed !== undefined) return installed;
  process.stderr.write(
    'This needs redis-server: install it (Debian: apt-get install redis-server, macOS: brew install redis).\n',
  );
  process.exit(2);
}

export class Redis {
  #command = findRedis();
  #child;

  /** @param sync the value of `appendfsync`. */
  static async start(scratch, sync = 'always') {
    const redis = new Redis();
    redis.sync = sync;
    redis.directory = join(scratch, 'redis');
    mkdirSync(redis.directory);
    redis.port = await freePort();
    redis.url = `redis://127.0.0.1:${redis.port}`;
    await redis.restart();
    return redis;
  }

  get pid() {
    return this.#child.pid;
  }

  async restart() {
    const settings = ['--port', this.port, '--bind', '127.0.0.1', '--dir', this.directory, '--save', ''];
    const durable = ['--appendonly', 'yes', '--appendfsync', this.sync];
    this.#child = kept(
      spawn(this.#command, [...settings, ...durable].map(String), { stdio: ['ignore', 'pipe', 2] }),
    );
    await lineOf(this.#child, (text) => text.includes('Ready to accept connections'));
  }

  kill() {
    return ended(this.#child, 'SIGKILL');
  }

  /** Deletes all keys. */
  async flush() {
    const client = connect(this.port, '127.0.0.1');
    client.end('FLUSHALL\r\n');
    await once(client.resume(), 'close', { signal: AbortSignal.timeout(LIMIT_MS) });
  }

  /** Deletes its data, as if it had been kept in memory only. */
  forget() {
    rmSync(this.directory, { recursive: true, force: true });
    mkdirSync(this.directory);
  }

  stop() {
    return ended(this.#child, 'SIGTERM');
  }
}

export class Relay {
  #options;
  #child;
  #metricsUrl;
  port = 0;

  /** `args`: its options, without its ports. `keys`: its write keys. */
  static async start(options) {
    const relay = new Relay();
    relay.#options = options;
    await relay.restart();
    return relay;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Starts it, on the port that it had. */
  async restart() {
    const { args, keys } = this.#options;
    const command = [RELAY, '--port', this.port, '--metrics-port', 0, ...args].map(String);
    const env = { ...process.env, OFFTHREAD_RELAY_WRITE_KEYS: keys.join(',') };
    this.#child = kept(spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 2] }));
    const text = await lineOf(this.#child, (each) => each.includes('the relay has started'));
    const { url, metricsUrl } = JSON.parse(text);
    this.port = Number(new URL(url ?? 'http://none:0').port);
    this.#metricsUrl = metricsUrl;
  }

  /** Events that wait in Redis; undefined if the relay or Redis doesn't answer. */
  async backlog() {
    try {
      const text = await (
        await fetch(`${this.#metricsUrl}/metrics`, { signal: AbortSignal.timeout(3_000) })
      ).text();
      const found = [...text.matchAll(/^offthread_relay_backlog_events\{.*\} (\d+)$/gm)];
      return found.length === 0 ? undefined : found.reduce((sum, [, events]) => sum + Number(events), 0);
    } catch {
      return undefined;
    }
  }

  kill() {
    return ended(this.#child, 'SIGKILL');
  }

  stop() {
    return ended(this.#child, 'SIGTERM');
  }
}

/** Passes connections on to the relays in turn, and to the next one if one doesn't answer. */
export class Balancer {
  #next = 0;
  #server;

  static async start(ports) {
    const balancer = new Balancer();
    balancer.#server = createServer((client) => balancer.#pass(client, ports()));
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    balancer.url = `http://127.0.0.1:${balancer.#server.address().port}`;
    return balancer;
  }

  close() {
    this.#server.close();
    this.#server.unref();
  }

  #pass(client, ports, tries = ports.length) {
    this.#next += 1;
    const relay = connect(ports[this.#next % ports.length], '127.0.0.1');
    client.on('error', () => relay.destroy());
    relay.once('connect', () => {
      client.pipe(relay).pipe(client);
      relay.on('error', () => client.destroy());
      relay.on('close', () => client.destroy());
      client.on('close', () => relay.destroy());
    });
    relay.once('error', () => {
      if (!relay.connecting && relay.bytesRead > 0) return;
      if (tries > 1 && !client.destroyed && relay.bytesWritten === 0) this.#pass(client, ports, tries - 1);
      else client.destroy();
    });
  }
}

/** Starts a program of this folder. It says where it listens, and reports when it ends. */
export async function startProgram(file, env) {
  const child = kept(
    fork(new URL(`./${file}`, import.meta.url), {
      env: { ...process.env, ...env },
      execArgv: ['--no-warnings'],
    }),
  );
  let report = {};
  child.on('message', (message) => {
    if (message.type === 'report') report = message;
  });
  const [{ url }] = await once(child, 'message', { signal: AbortSignal.timeout(LIMIT_MS) });
  return {
    url,
    pid: child.pid,
    /** Ends it by SIGTERM and returns what it reported. */
    async finish() {
      await ended(child, 'SIGTERM');
      await sleep(0);
      return report;
    },
  };
}
