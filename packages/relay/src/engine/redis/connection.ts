// A connection to Redis. A command is answered in time or fails: none waits for a connection, and none is sent again by
// itself, because nobody would know. Used by open.ts and doctor.ts.
import { Redis } from 'ioredis';

/** Milliseconds to connect. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Milliseconds for a command. Shorter than a lease, so that a holder can renew it on the second try. */
const COMMAND_TIMEOUT_MS = 3_000;

/**
 * Milliseconds without an answer after which the connection is closed. Otherwise commands would pile up in it, and a
 * Redis that was frozen would later execute those that have failed here long ago.
 */
const SOCKET_TIMEOUT_MS = 4_000;

/** Longest pause between two attempts to connect, in milliseconds. */
const MAX_RECONNECT_MS = 1_000;

/** Where Redis is. */
export interface RedisAddress {
  /** `redis://` or `rediss://`, with user name and password if they are needed. */
  readonly url: string;
  /** Takes precedence over the one in the URL. */
  readonly password?: string | undefined;
}

/** @param name shown by CLIENT LIST. */
export function createConnection({ url, password }: RedisAddress, name: string): Redis {
  const redis = new Redis(password === undefined ? url : withPassword(url, password), {
    connectionName: `offthread-relay:${name}`,
    protocol: 2,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Commands in flight fail as soon as the connection is lost.
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    keepAlive: 10_000,
    retryStrategy: (attempts) => Math.min(attempts * 50, MAX_RECONNECT_MS),
    // After a failover, the name may stand for another server, but this connection is still to the old one. Redis 6.2
    // puts the error of a command into a sentence about the script that has called it.
    reconnectOnError: ({ message }) => /\bREADONLY\b/.test(message),
  });
  // Without a listener, ioredis writes errors to the console.
  redis.on('error', () => {});
  return redis;
}

/** In the URL, because ioredis takes an empty password from one with a user name rather than from its options. */
function withPassword(text: string, password: string): string {
  const url = new URL(text);
  url.password = encodeURIComponent(password);
  return url.href;
}

/** Host and port, for messages. Never the password. */
export function placeOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || 6379}`;
}
