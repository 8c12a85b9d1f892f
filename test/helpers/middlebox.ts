// Starts a real proxy, TLS gateway or bad link between the SDK and the API. Each runs in its own thread, so that it
// works while a flush blocks this one.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Certificate } from './certificate.js';

/**
 * What the proxy does with a CONNECT: the status it returns instead of connecting, or nothing at all, or close the
 * connection.
 */
export type ProxyAnswer = 'connect' | 'hang' | 'end' | number;

export interface ProxyOptions {
  /** `user:password`. Without it the proxy returns 407. */
  auth?: string;
  /** What it does with the first requests. It connects later ones. */
  answers?: ProxyAnswer[];
  /** The port that every tunnel leads to, whatever was requested. */
  to?: [host: string, port: number];
  /** Use TLS for the connection to the proxy. */
  tls?: Certificate;
}

/** A CONNECT request. */
export interface Connect {
  target: string;
  host: string;
  authorization: string | undefined;
}

export interface Middlebox<Seen> extends AsyncDisposable {
  readonly port: number;
  /** What it has received, oldest first, and the number of open connections to it. */
  look(): Promise<{ seen: Seen[]; open: number }>;
}

/** Starts an HTTP proxy for CONNECT on 127.0.0.1. */
export function startProxy(options: ProxyOptions = {}): Promise<Middlebox<Connect>> {
  return start('connect-proxy.mjs', { answers: [], ...options });
}

/** Starts a gateway to a port that requires a client certificate signed by `ca`. It records their names. */
export function startGateway(tls: Certificate & { ca: string }, port: number): Promise<Middlebox<string>> {
  return start('tls-gateway.mjs', { ...tls, port });
}

export interface LinkOptions {
  /** Bytes per second it accepts. Default: unlimited. */
  bytesPerSecond?: number;
  /** Milliseconds after which the limit is lifted. Default: never. */
  fastAfterMs?: number;
  /** Milliseconds of silence after which it silently forgets a connection. Default: never. */
  idleMs?: number;
}

/** Starts a link to a port. It records how many bytes each connection has sent. */
export function startLink(port: number, options: LinkOptions): Promise<Middlebox<number>> {
  return start('link.mjs', { port, ...options });
}

async function start<Seen>(file: string, workerData: object): Promise<Middlebox<Seen>> {
  const worker = new Worker(new URL(`../fixtures/${file}`, import.meta.url), { workerData, execArgv: [] });
  const [{ port }] = await once(worker, 'message', { signal: AbortSignal.timeout(20_000) });
  return {
    port,
    async look() {
      const reply = once(worker, 'message', { signal: AbortSignal.timeout(20_000) });
      worker.postMessage('look');
      const [found] = await reply;
      return found;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
