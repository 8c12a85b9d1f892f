// In: how to behave. Out: something real on the way to the API, in a thread of its own, so that it works while this one
// is blocked in a flush: a proxy, a gateway that asks for client certificates, or a bad link.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Certificate } from './certificate.js';

/** What the proxy does with a CONNECT: the status it answers instead of connecting, or nothing at all, or an end. */
export type ProxyAnswer = 'connect' | 'hang' | 'end' | number;

export interface ProxyOptions {
  /** `user:password`, without which it answers 407. */
  auth?: string;
  /** What it does with the first ones. Later ones it connects. */
  answers?: ProxyAnswer[];
  /** Where every tunnel leads, whatever was asked for. */
  to?: [host: string, port: number];
  /** Speaks TLS itself. */
  tls?: Certificate;
}

/** One CONNECT. */
export interface Connect {
  target: string;
  host: string;
  authorization: string | undefined;
}

export interface Middlebox<Seen> extends AsyncDisposable {
  readonly port: number;
  /** Whom or what it has seen, oldest first, and how many connections to it are open. */
  look(): Promise<{ seen: Seen[]; open: number }>;
}

/** Starts an HTTP proxy for CONNECT on 127.0.0.1. */
export function startProxy(options: ProxyOptions = {}): Promise<Middlebox<Connect>> {
  return start('connect-proxy.mjs', { answers: [], ...options });
}

/** Starts a gateway to a port that takes only clients with a certificate of `ca`; it sees their names. */
export function startGateway(tls: Certificate & { ca: string }, port: number): Promise<Middlebox<string>> {
  return start('tls-gateway.mjs', { ...tls, port });
}

export interface LinkOptions {
  /** How fast it takes what is sent. Default: at once. */
  bytesPerSecond?: number;
  /** After which it takes everything at once. Default: never. */
  fastAfterMs?: number;
  /** It forgets a connection that was idle for longer, and tells neither end. Default: never. */
  idleMs?: number;
}

/** Starts a link to a port, and sees how many bytes each connection has sent. */
export function startLink(port: number, options: LinkOptions): Promise<Middlebox<number>> {
  return start('link.mjs', { port, ...options });
}

async function start<Seen>(file: string, workerData: object): Promise<Middlebox<Seen>> {
  const worker = new Worker(new URL(`../fixtures/${file}`, import.meta.url), { workerData, execArgv: [] });
  const [{ port }] = await once(worker, 'message', { signal: AbortSignal.timeout(10_000) });
  return {
    port,
    async look() {
      const reply = once(worker, 'message', { signal: AbortSignal.timeout(10_000) });
      worker.postMessage('look');
      const [found] = await reply;
      return found;
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
