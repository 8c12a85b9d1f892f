// Creates the agents that connect to the API, directly or through a proxy. Used by connections.ts.
import http from 'node:http';
import https from 'node:https';
import { isIP, type Socket } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent';
import type { ConnectionSettings } from '../protocol.js';
import { inheritedMaxHeaderSize } from './apply-network-defaults.js';

/** The value of got's `agent` option. At least for the protocol of the address. */
export interface Agents {
  readonly http?: http.Agent;
  readonly https?: https.Agent;
}

/**
 * Returns a function that creates agents for requests to `origin`, with no connection yet.
 *
 * @throws if the current defaults of `node:tls` forbid a certificate of the settings.
 */
export function agentFactory(
  origin: string,
  { proxy, tls, requestTimeout }: ConnectionSettings,
): () => Agents {
  // Created once, because a CA bundle takes milliseconds to parse.
  const secureContext = tls && createSecureContext({ ...tls, ca: tls.ca && [...tls.ca] });
  const options = { keepAlive: true, ...(secureContext && { secureContext }) };
  if (proxy !== undefined) return tunnels(proxy, options, tls?.ca, requestTimeout);
  // Only one of them, because an https agent needs node:tls, which takes up to 20 ms to load.
  if (origin.startsWith('https:')) return () => ({ https: new https.Agent(options) });
  return () => ({ http: new http.Agent(options) });
}

/** Agents that connect to the API through a proxy with CONNECT, even if the API is plain http. */
function tunnels(
  proxy: string,
  options: { readonly keepAlive: boolean; readonly secureContext?: SecureContext },
  ca: readonly string[] | undefined,
  timeout: number,
): () => Agents {
  const url = new URL(proxy);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  // hpagent would resolve an IPv6 address with its brackets, and would send an IP address in SNI, which takes only
  // names.
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
    http: withProxyErrors(new HttpProxyAgent(given), url.host, timeout),
    https: withProxyErrors(new HttpsProxyAgent(given), url.host, timeout),
  });
}

type Connect = (options: object, callback: (error: Error | null, socket?: Socket) => void) => undefined;

/** Limits the time that the proxy may take, and says in its errors that they come from the proxy. */
function withProxyErrors<T extends http.Agent>(agent: T, host: string, timeout: number): T {
  const connect = agent.createConnection.bind(agent) as Connect;
  const create: Connect = (options, callback) =>
    connect({ ...options, timeout }, (error, socket) => {
      if (error !== null)
        error.message = `The proxy ${host} does not connect: ${error.message || error.name}`;
      callback(error, socket);
    });
  return Object.assign(agent, { createConnection: create });
}
