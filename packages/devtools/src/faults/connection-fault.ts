// The behaviours below HTTP, applied to the socket.
import type { Socket } from 'node:net';
import type { OpenConnections } from '../api/open-connections.js';
import type { Drip, Drop, Garbage, Hang, StallUpload, Truncate } from './behaviour.js';

/** The behaviours that Fastify cannot express. */
export type ConnectionFault = Drip | Drop | Garbage | Hang | StallUpload | Truncate;

const SUCCESS = '{"success":true}';

/** Milliseconds for the client to read what was sent before the reset arrives. */
const BEFORE_RESET_MS = 20;

/** Breaks the connection. The reply must have been hijacked. */
export function breakConnection(
  fault: ConnectionFault,
  socket: Socket,
  connections: OpenConnections,
  leave: () => void,
): void {
  switch (fault.type) {
    case 'drop':
      drop(fault, socket, connections);
      break;
    case 'hang':
      connections.hold(socket);
      break;
    case 'stall-upload':
      // A socket that isn't read doesn't notice that its peer has closed the connection, so the request stops counting
      // as open now.
      leave();
      socket.pause();
      connections.hold(socket);
      break;
    case 'drip':
      connections.hold(socket);
      drip(fault, socket, connections);
      break;
    case 'truncate':
      last(head(1_000) + SUCCESS.slice(0, 8), socket, connections);
      break;
    case 'garbage':
      last('\u0000\u0001\u0002 this is not HTTP \u00ff\r\n\r\n', socket, connections);
      break;
    default:
      fault satisfies never;
  }
}

function drop({ after }: Drop, socket: Socket, connections: OpenConnections): void {
  if (after !== 'partial-reply') {
    connections.reset(socket);
    return;
  }
  connections.markBroken(socket);
  socket.write(head(1_000) + SUCCESS.slice(0, 8));
  setTimeout(() => connections.reset(socket), BEFORE_RESET_MS);
}

function drip(
  { intervalMs, bytes = 64, head: dripHead = false }: Drip,
  socket: Socket,
  connections: OpenConnections,
): void {
  const start = head(bytes);
  const body = SUCCESS.padEnd(bytes).slice(0, bytes);
  const drops = Buffer.from(dripHead ? start + body : body);
  let at = 0;
  if (!dripHead) socket.write(start);
  const timer = setInterval(() => {
    if (at < drops.length) socket.write(drops.subarray(at, at + 1));
    else last('', socket, connections);
    at += 1;
  }, intervalMs);
  socket.once('close', () => clearInterval(timer));
}

function last(text: string, socket: Socket, connections: OpenConnections): void {
  connections.markBroken(socket);
  socket.end(Buffer.from(text, 'latin1'), () => socket.destroy());
}

function head(contentLength: number): string {
  return [
    'HTTP/1.1 200 OK',
    'content-type: application/json',
    `content-length: ${contentLength}`,
    'connection: close',
    '\r\n',
  ].join('\r\n');
}
