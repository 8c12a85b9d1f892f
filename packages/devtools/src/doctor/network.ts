// In: the address of the API. Out: checks of the way there: name, connection, certificate. Next: api.ts.
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { Agent } from 'node:http';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type Check, failed, messageOf, ok, skipped, warning } from './check.js';

/** Milliseconds for each step. */
const TIMEOUT_MS = 10_000;

/** Days before its end from which on a certificate is worth a warning: they are renewed a month ahead. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** A proxy on the way. */
export interface ProxyOnTheWay {
  /** Host and port, without user name and password. */
  readonly host: string;
  /** Whose connections go by it. */
  readonly agent: Agent;
}

export async function checkDns({ hostname }: URL, proxy?: ProxyOnTheWay): Promise<Check> {
  if (proxy !== undefined) return skipped('dns', `the proxy ${proxy.host} asks for the address`);
  const host = bare(hostname);
  if (isIP(host) !== 0) return ok('dns', `${host} is an address already`);
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
      return ok('connection', `port ${portOf(url)} answers by the proxy ${proxy.host} (${ms} ms)`, facts);
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
  if (message.includes('ECONNREFUSED')) return 'Check host and port: nothing listens there.';
  return `Let this machine reach ${url.hostname} on port ${portOf(url)}: firewall, security group, egress policy; or name a proxy by HTTPS_PROXY.`;
}

function remedyForProxy({ hostname }: URL, message: string): string {
  if (message.includes('407')) return 'Check user name and password in the variable that names the proxy.';
  return `Check the variable that names the proxy, and that it lets CONNECT through to ${hostname}; NO_PROXY=${hostname} goes past it.`;
}

/** A connection that the proxy has made. */
function tunnel(url: URL, { agent }: ProxyOnTheWay): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const options = { host: bare(url.hostname), port: portOf(url) };
    agent.createConnection(options, (error, socket) => (error === null ? resolve(socket) : reject(error)));
  });
}

/** Who the server says it is. Nothing is sent but the handshake, so that looking at a bad certificate is no risk. */
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
    const remedy = 'Check that this is an https port, and that nothing on the way breaks TLS open.';
    return failed('tls', messageOf(error), remedy);
  } finally {
    socket?.destroy();
  }
}

function judge(socket: TLSSocket): Check {
  const { valid_to, issuer, subject } = socket.getPeerCertificate();
  const until = new Date(valid_to);
  // A name may stand there several times.
  const by = [issuer?.O ?? issuer?.CN ?? 'nobody'].flat().join(', ');
  const date = Number.isNaN(until.getTime()) ? 'an unknown date' : until.toISOString().slice(0, 10);
  const detail = `${socket.getProtocol()}, certificate by ${by}, valid until ${date}`;
  const facts = { protocol: socket.getProtocol(), issuer: by, subject: subject?.CN, validUntil: valid_to };
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return failed('tls', `${detail}, not to be trusted: ${code}`, remedyFor(code));
  }
  if (until.getTime() - Date.now() < SOON_DAYS * DAY_MS) {
    return warning('tls', detail, 'Renew the certificate: the SDK refuses one that has expired.', facts);
  }
  return ok('tls', detail, facts);
}

function remedyFor(code: string): string {
  if (code.includes('EXPIRED'))
    return 'Renew the certificate of the server, or set the clock of this machine.';
  if (code.includes('NOT_YET_VALID')) return 'Set the clock of this machine.';
  if (code.includes('ALTNAME') || code.includes('HOSTNAME')) {
    return 'Use the host name that the certificate is for, or a certificate for this one.';
  }
  return 'For an authority of your own set NODE_EXTRA_CA_CERTS=/path/ca.pem. Else somebody may be listening in.';
}

/** The result, or an error in time. What comes after that is of no interest any more. */
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

/** An IPv6 address has brackets in a URL and nowhere else. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
