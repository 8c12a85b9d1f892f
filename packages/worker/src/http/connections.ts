// Reuses connections to each origin that are neither old nor idle for long. Used by exchange.ts. Next: agents.ts.
import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionSettings } from '../protocol.js';
import { type Agents, agentFactory } from './agents.js';

/**
 * Maximum age of a connection in milliseconds. No request starts on an older one. The next connection resolves the
 * host's address again, so an API that moves is followed within minutes. A handshake every ten minutes costs next to
 * nothing.
 */
export const MAX_CONNECTION_AGE_MS = 600_000;

/**
 * Milliseconds without a request after which a connection isn't used again. NATs, firewalls and load balancers silently
 * drop idle connections, and a request on one of those waits for `requestTimeout`. The shortest usual limit is the 5 s
 * of a Node.js server, which at least closes the connection; silent ones like the AWS NAT gateway (350 s) take longer.
 * Longer pauses in the traffic cost a handshake, which is less than the 2 s that a flush is usually given.
 * Sources: https://nodejs.org/api/http.html#serverkeepalivetimeout,
 * https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
 */
export const MAX_IDLE_MS = 5_000;

/** Whether connections made since `since` are too old at `now`. */
export function isOutdated(since: number, now: number): boolean {
  return now - since >= MAX_CONNECTION_AGE_MS;
}

/**
 * One generation of reusable connections at a time. A generation ends when it is too old or a connection fails: idle
 * connections are closed at once, busy ones after their request. Each connection of the next generation is new, and its
 * host's address was resolved after that.
 */
export class Connections {
  #make: () => Agents;
  #agents: Agents;
  #since: number;
  /** When each connection was last used. */
  readonly #used = new WeakMap<Duplex, number>();

  constructor(make: () => Agents) {
    this.#make = make;
    this.#agents = this.#create();
    this.#since = performance.now();
  }

  /** Returns the agents for a request that starts now. */
  take(): Agents {
    const now = performance.now();
    if (isOutdated(this.#since, now)) this.#renew();
    // Checked here, not by a timer: a process that was frozen could use the connection before the timer fires.
    else end(this.#agents, (socket) => now - (this.#used.get(socket) ?? now) >= MAX_IDLE_MS);
    return this.#agents;
  }

  /** A connection of these agents failed or couldn't be made. */
  lost(agents: Agents): void {
    if (agents === this.#agents) this.#renew();
  }

  /** Ends this generation. The next ones are created with `make`. */
  remake(make: () => Agents): void {
    this.#make = make;
    this.#renew();
  }

  /** Closes all connections; busy ones after their request. */
  end(): void {
    for (const agent of both(this.#agents)) agent.maxFreeSockets = 0;
    end(this.#agents, () => true);
  }

  #renew(): void {
    this.end();
    this.#agents = this.#create();
    this.#since = performance.now();
  }

  #create(): Agents {
    const agents = this.#make();
    for (const agent of both(agents)) {
      agent.on('free', (socket: Duplex) => this.#used.set(socket, performance.now()));
    }
    return agents;
  }
}

interface Known {
  readonly origin: string;
  readonly settings: ConnectionSettings;
  readonly connections: Connections;
  /** Number of clients that use it and aren't closed. */
  users: number;
}

const known = new Map<string, Known>();

/**
 * Returns the connections to the origin of `url`. All clients of the worker with the same connection settings share
 * them.
 *
 * @param gone is aborted when the client is closed. The connections are closed with their last client.
 */
export function connectionsTo(url: string, settings: ConnectionSettings, gone?: AbortSignal): Connections {
  const { origin } = new URL(url);
  const key = keyOf(origin, settings);
  const found = known.get(key) ?? {
    origin,
    settings,
    connections: new Connections(agentFactory(origin, settings)),
    users: 0,
  };
  // No later abort event would release it.
  if (gone?.aborted) return found.connections;
  known.set(key, found);
  found.users++;
  const release = (): void => {
    found.users--;
    if (found.users > 0) return;
    known.delete(key);
    found.connections.end();
  };
  gone?.addEventListener('abort', release, { once: true });
  return found.connections;
}

/** A hash if the key would contain a private key or the proxy's password. */
function keyOf(origin: string, { proxy, tls, requestTimeout }: ConnectionSettings): string {
  if (proxy === undefined && tls === undefined) return origin;
  const text = JSON.stringify([origin, tls, ...(proxy === undefined ? [] : [proxy, requestTimeout])]);
  return createHash('sha256').update(text).digest('base64');
}

/** Makes requests that start from now on use new connections with the current defaults of `node:tls`. */
export function renewConnections(): void {
  for (const { origin, settings, connections } of known.values()) {
    try {
      connections.remake(agentFactory(origin, settings));
    } catch {
      // The current defaults forbid a certificate of this client. It keeps the defaults that it started with.
    }
  }
}

function both(agents: Agents): http.Agent[] {
  return [agents.http, agents.https].filter((agent) => agent !== undefined);
}

/** Closes the idle connections for which `old` returns true. */
function end(agents: Agents, old: (socket: Duplex) => boolean): void {
  for (const agent of both(agents)) {
    for (const sockets of Object.values(agent.freeSockets)) {
      // A copy, because the agent removes destroyed sockets from its list.
      for (const socket of [...(sockets ?? [])]) if (old(socket)) socket.destroy();
    }
  }
}
