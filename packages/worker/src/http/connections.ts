// The way to an origin -> agents, none of whose connections is old or was idle for long. Used by exchange.ts.
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent';
import type { ConnectionSettings } from '../protocol.js';
import { inheritedMaxHeaderSize } from './apply-network-defaults.js';

/**
 * Milliseconds after which no request begins on a connection any more. The next one asks for the host's address again:
 * an API that moves is followed within minutes, and a handshake every ten minutes is nothing.
 */
export const MAX_CONNECTION_AGE_MS = 600_000;

/**
 * Milliseconds without a request after which a connection is not used again. NATs, firewalls and load balancers forget
 * idle connections without a word, and a request on one of those waits for `requestTimeout`. The shortest usual time is
 * the 5 s of a Node.js server, which at least says so; silent ones like the AWS NAT gateway (350 s) take longer. Longer
 * pauses in the traffic cost a handshake, which is less than the 2 s that somebody gives a flush.
 * Sources: https://nodejs.org/api/http.html#serverkeepalivetimeout,
 * https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
 */
export const MAX_IDLE_MS = 5_000;

/** What got takes as `agent`. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/** Whether connections made since `since` are too old at `now`. */
export function isOutdated(since: number, now: number): boolean {
  return now - since >= MAX_CONNECTION_AGE_MS;
}

/**
 * Connections that may be used again: one generation of them at a time. A generation ends by age and by a fault, and
 * with it end its connections, those in use when they are done. So each of the next one was made, and its host's address
 * asked for, after that.
 */
export class Connections {
  #make: () => Agents;
  #agents: Agents;
  #since: number;
  /** When connections were used last. */
  readonly #used = new WeakMap<Duplex, number>();

  constructor(make: () => Agents) {
    this.#make = make;
    this.#agents = this.#create();
    this.#since = performance.now();
  }

  /** Agents for a request that begins now. */
  take(): Agents {
    const now = performance.now();
    if (isOutdated(this.#since, now)) this.#renew();
    // Looked at here, and not by a timer: a process that was frozen meanwhile would use the connection before it fires.
    else end(this.#agents, (socket) => now - (this.#used.get(socket) ?? now) >= MAX_IDLE_MS);
    return this.#agents;
  }

  /** A connection of these agents broke, or was never made. */
  lost(agents: Agents): void {
    if (agents === this.#agents) this.#renew();
  }

  /** Ends this generation; the next ones are made in this way. */
  remake(make: () => Agents): void {
    this.#make = make;
    this.#renew();
  }

  #renew(): void {
    // Those that are in use end when they are done.
    for (const agent of both(this.#agents)) agent.maxFreeSockets = 0;
    end(this.#agents, () => true);
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

const known = new Map<string, { readonly way: ConnectionSettings; readonly connections: Connections }>();

/** The connections to the origin of `url` that all clients of the worker share who go the same way. */
export function connectionsTo(url: string, settings: ConnectionSettings): Connections {
  const { origin } = new URL(url);
  const { proxy, tls } = settings;
  const key = JSON.stringify([origin, tls, ...(proxy === undefined ? [] : [proxy, settings.requestTimeout])]);
  const found = known.get(key) ?? { way: settings, connections: new Connections(maker(settings)) };
  known.set(key, found);
  return found.connections;
}

/** Has requests that begin from now on go by connections made with the defaults that `node:tls` has now. */
export function renewConnections(): void {
  for (const { way: settings, connections } of known.values()) {
    try {
      connections.remake(maker(settings));
    } catch {
      // A certificate of the client's that these defaults forbid. It goes on with those that it began with.
    }
  }
}

function maker({ proxy, tls, requestTimeout }: ConnectionSettings): () => Agents {
  // Once, because a bundle of authorities takes milliseconds to read.
  const secureContext = tls && createSecureContext({ ...tls, ca: tls.ca && [...tls.ca] });
  const options = { keepAlive: true, ...(secureContext && { secureContext }) };
  if (proxy !== undefined) return tunnels(proxy, options, tls?.ca, requestTimeout);
  return () => ({ http: new http.Agent(options), https: new https.Agent(options) });
}

/** Agents that ask a proxy by CONNECT for a connection to the API, also where the API is plain http. */
function tunnels(
  proxy: string,
  options: { readonly keepAlive: boolean; readonly secureContext?: SecureContext },
  ca: readonly string[] | undefined,
  timeout: number,
): () => Agents {
  const url = new URL(proxy);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  // hpagent would look an IPv6 address up with its brackets on, and name an address in SNI, which takes only names.
  if (isIP(hostname) !== 0) Object.defineProperty(url, 'hostname', { value: '' });
  const maxHeaderSize = inheritedMaxHeaderSize();
  const proxyRequestOptions = {
    hostname,
    maxHeaderSize,
    rejectUnauthorized: true,
    ...(ca && { ca: [...ca] }),
  };
  const given = { ...options, proxy: url, proxyRequestOptions };
  return () => ({
    http: explaining(new HttpProxyAgent(given), url.host, timeout),
    https: explaining(new HttpsProxyAgent(given), url.host, timeout),
  });
}

type Connect = (options: object, callback: (error: Error | null, socket?: Socket) => void) => undefined;

/** Gives the proxy so much time, and says of its errors whose they are. */
function explaining<T extends http.Agent>(agent: T, host: string, timeout: number): T {
  const connect = agent.createConnection.bind(agent) as Connect;
  const create: Connect = (options, callback) =>
    connect({ ...options, timeout }, (error, socket) => {
      if (error !== null)
        error.message = `The proxy ${host} does not connect: ${error.message || error.name}`;
      callback(error, socket);
    });
  return Object.assign(agent, { createConnection: create });
}

function both(agents: Agents): http.Agent[] {
  return [agents.http, agents.https];
}

/** Ends those of the connections nobody uses that are `old`. */
function end(agents: Agents, old: (socket: Duplex) => boolean): void {
  for (const agent of both(agents)) {
    for (const sockets of Object.values(agent.freeSockets)) {
      // A copy, because the agent takes out what is destroyed.
      for (const socket of [...(sockets ?? [])]) if (old(socket)) socket.destroy();
    }
  }
}
