// Checks of the network between here and the API: name, connection, certificate.
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Agent } from 'node:http';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type Check, failed, messageOf, ok, skipped, warning } from './check.js';

/** Milliseconds for each step. */
const TIMEOUT_MS = 10_000;

/** A certificate that expires within this many days is worth a warning: most are renewed a month ahead. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** The proxy between here and the API. */
export interface ProxyOnTheWay {
  /** Host and port, without user name and password. */
  readonly host: string;
  /** Makes connections through the proxy. */
  readonly agent: Agent;
}

export async function checkDns({ hostname }: URL, proxy?: ProxyOnTheWay): Promise<Check> {
  if (proxy !== undefined) return skipped('dns', `the proxy ${proxy.host} resolves the name`);
  const host = bare(hostname);
  if (isIP(host) !== 0) return ok('dns', `${host} is an address`);
  const start = performance.now();
  try {
    const found = (await within(lookup(host, { all: true }))).map(({ address }) => address);
    const ms = Math.round(performance.now() - start);
    return ok('dns', `${host} is ${found.join(', ')} (${ms} ms)`, { addresses: found, ms });
  } catch (error) {
    const remedy =
      'Check the spelling of --host, and whether this machine (or container) can resolve names at all.';
    return failed('dns', messageOf(error), remedy);
  }
}

export async function checkConnection(url: URL, proxy?: ProxyOnTheWay): Promise<Check> {
  const start = performance.now();
  if (proxy !== undefined) {
    try {
      (await within(tunnel(url, proxy))).destroy();
      const ms = Math.round(performance.now() - start);
      const facts = { ms, proxy: proxy.host };
      return ok(
        'connection',
        `port ${portOf(url)} answers through the proxy ${proxy.host} (${ms} ms)`,
        facts,
      );
    } catch (error) {
      return failed('connection', messageOf(error), remedyForProxy(url, messageOf(error)));
    }
  }
  const socket = connect({ host: bare(url.hostname), port: portOf(url) });
  try {
    await within(once(socket, 'connect'));
    const ms = Math.round(performance.now() - start);
    return ok('connection', `port ${portOf(url)} answers (${ms} ms)`, { ms });
  } catch (error) {
    return failed('connection', messageOf(error), remedyForConnection(url, messageOf(error)));
  } finally {
    socket.destroy();
  }
}

function remedyForConnection(url: URL, message: string): string {
  if (message.includes('ECONNREFUSED')) return 'Nothing listens there. Check the host and the port.';
  return `Allow this machine to reach ${url.hostname} on port ${portOf(url)} (firewall, security group, egress policy), or set HTTPS_PROXY.`;
}

function remedyForProxy({ hostname }: URL, message: string): string {
  if (message.includes('407')) return 'Check the user name and password in the variable that sets the proxy.';
  return `Check the variable that sets the proxy, and that the proxy allows CONNECT to ${hostname}. NO_PROXY=${hostname} bypasses it.`;
}

/** Makes a connection through the proxy. */
function tunnel(url: URL, { agent }: ProxyOnTheWay): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const options = { host: bare(url.hostname), port: portOf(url) };
    agent.createConnection(options, (error, socket) => (error === null ? resolve(socket) : reject(error)));
  });
}

/** Returns the server's certificate. Only the handshake is sent, so a bad certificate does no harm. */
export async function checkTls(url: URL, proxy?: ProxyOnTheWay): Promise<Check> {
  if (url.protocol !== 'https:') return ok('tls', 'none: plain http');
  const host = bare(url.hostname);
  const servername = isIP(host) === 0 ? { servername: host } : {};
  let socket: TLSSocket | undefined;
  try {
    const way = proxy === undefined ? { port: portOf(url) } : { socket: await within(tunnel(url, proxy)) };
    socket = connectTls({ host, rejectUnauthorized: false, ...way, ...servername });
    await within(once(socket, 'secureConnect'));
    return judge(socket);
  } catch (error) {
    const remedy = 'Check that this is an https port, and that no proxy between intercepts TLS.';
    return failed('tls', messageOf(error), remedy);
  } finally {
    socket?.destroy();
  }
}

function judge(socket: TLSSocket): Check {
  const { valid_to, issuer, subject } = socket.getPeerCertificate();
  const until = new Date(valid_to);
  // A certificate may name several organizations.
  const by = [issuer?.O ?? issuer?.CN ?? 'nobody'].flat().join(', ');
  const date = Number.isNaN(until.getTime()) ? 'an unknown date' : until.toISOString().slice(0, 10);
  const detail = `${socket.getProtocol()}, certificate by ${by}, valid until ${date}`;
  const facts = { protocol: socket.getProtocol(), issuer: by, subject: subject?.CN, validUntil: valid_to };
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return failed('tls', `${detail}, not trusted: ${code}`, remedyFor(code));
  }
  if (until.getTime() - Date.now() < SOON_DAYS * DAY_MS) {
    return warning('tls', detail, 'Renew the certificate: the SDK refuses one that has expired.', facts);
  }
  return ok('tls', detail, facts);
}

function remedyFor(code: string): string {
  if (code.includes('EXPIRED'))
    return "Renew the server's certificate, or correct the clock of this machine.";
  if (code.includes('NOT_YET_VALID')) return 'Correct the clock of this machine.';
  if (code.includes('ALTNAME') || code.includes('HOSTNAME')) {
    return 'Use the host name in the certificate, or a certificate for this host name.';
  }
  return 'If the certificate is from your own authority, set NODE_EXTRA_CA_CERTS=/path/ca.pem. If not, the connection may be intercepted.';
}

/** Returns the result, or rejects after the timeout. A later result is ignored. */
async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** An IPv6 address has brackets only in a URL. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
