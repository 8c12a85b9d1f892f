// In: a request and a fault below HTTP. Out: bytes, or none, on its bare socket. Next: the client's error handling.
import type { Socket } from 'node:net';
import type { Drip, Drop, Garbage, Hang, StallUpload, Truncate } from './behaviour.js';
import type { Gauge } from './gauge.js';

/** The behaviours that Fastify cannot express. */
export type Fault = Drip | Drop | Garbage | Hang | StallUpload | Truncate;

const SUCCESS = '{"success":true}';

/** Time for the client to read what was sent before the reset overtakes it. */
const BEFORE_RESET_MS = 20;

/** Does what was asked to the connection. The reply must have been hijacked. */
export function sabotage(fault: Fault, socket: Socket, gauge: Gauge, leave: () => void): void {
  switch (fault.type) {
    case 'drop':
      drop(fault, socket, gauge);
      break;
    case 'hang':
      gauge.park(socket);
      break;
    case 'stall-upload':
      // A socket that nobody reads does not tell when its peer leaves, so the request stops counting as out now.
      leave();
      socket.pause();
      gauge.park(socket);
      break;
    case 'drip':
      gauge.park(socket);
      drip(fault, socket, gauge);
      break;
    case 'truncate':
      last(head(1_000) + SUCCESS.slice(0, 8), socket, gauge);
      break;
    case 'garbage':
      last('\u0000\u0001\u0002 this is not HTTP \u00ff\r\n\r\n', socket, gauge);
      break;
    default:
      fault satisfies never;
  }
}

function drop({ after }: Drop, socket: Socket, gauge: Gauge): void {
  if (after !== 'partial-reply') {
    gauge.reset(socket);
    return;
  }
  gauge.blame(socket);
  socket.write(head(1_000) + SUCCESS.slice(0, 8));
  setTimeout(() => gauge.reset(socket), BEFORE_RESET_MS);
}

function drip({ intervalMs, bytes = 64, head: dripHead = false }: Drip, socket: Socket, gauge: Gauge): void {
  const start = head(bytes);
  const body = SUCCESS.padEnd(bytes).slice(0, bytes);
  const drops = Buffer.from(dripHead ? start + body : body);
  let at = 0;
  if (!dripHead) socket.write(start);
  const timer = setInterval(() => {
    if (at < drops.length) socket.write(drops.subarray(at, at + 1));
    else last('', socket, gauge);
    at += 1;
  }, intervalMs);
  socket.once('close', () => clearInterval(timer));
}

function last(text: string, socket: Socket, gauge: Gauge): void {
  gauge.blame(socket);
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
