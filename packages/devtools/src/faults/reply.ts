// Sends the behaviours that are an HTTP reply.
import { pipeline, Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { type Refusal, replyTo } from '@offthread/tracking-api';
import type { FastifyReply } from 'fastify';
import type { Answer, GzipBomb, Huge, Ok, PlainBehaviour, Redirect } from './behaviour.js';

/** The behaviours that are an HTTP reply. */
export type HttpBehaviour = Answer | GzipBomb | Huge | Ok | Redirect;

const PIECE = Buffer.alloc(64 * 1024, ' ');

/** The status of the reply; `null` for a behaviour that sends no complete status line and headers. */
export function statusOf(behaviour: PlainBehaviour, refusal: Refusal | null): number | null {
  switch (behaviour.type) {
    case 'ok':
      return refusal?.status ?? 200;
    case 'answer':
      return behaviour.status;
    case 'redirect':
      return behaviour.status ?? 307;
    case 'drip':
    case 'truncate':
    case 'huge':
    case 'gzip-bomb':
      return 200;
    case 'drop':
      return behaviour.after === 'partial-reply' ? 200 : null;
    case 'hang':
    case 'stall-upload':
    case 'garbage':
      return null;
    default:
      return behaviour satisfies never;
  }
}

/** Replies to a request. */
export async function answer(
  behaviour: HttpBehaviour,
  refusal: Refusal | null,
  latencyMs: number,
  reply: FastifyReply,
): Promise<void> {
  const wait = 'delayMs' in behaviour ? (behaviour.delayMs ?? latencyMs) : latencyMs;
  if (wait > 0) await delay(wait, undefined, { ref: false });
  // At least one turn of the event loop. Otherwise a request that arrived completely ends before the next one is read,
  // and simultaneous requests are never counted as such.
  else await turn();
  if (reply.raw.destroyed) {
    reply.hijack();
    return;
  }
  reply.type('application/json; charset=utf-8');
  switch (behaviour.type) {
    case 'ok': {
      const { status, headers, body } = replyTo(refusal);
      reply.code(status).headers(headers).send(body);
      return;
    }
    case 'answer': {
      const { status, headers = {}, body = bodyFor(status, 'as the behaviour says') } = behaviour;
      reply
        .code(status)
        .headers(headers)
        .send(typeof body === 'string' ? body : JSON.stringify(body));
      return;
    }
    case 'redirect': {
      const { status = 307, location } = behaviour;
      reply.code(status).header('location', location).send(bodyFor(status, 'as the behaviour says'));
      return;
    }
    case 'huge':
      reply.header('content-length', behaviour.bytes).send(spaces(behaviour.bytes));
      return;
    case 'gzip-bomb': {
      const gzip = createGzip({ level: 9 });
      pipeline(spaces(behaviour.bytes), gzip, () => {}); // Ends the source when the client leaves.
      reply.header('content-encoding', 'gzip').send(gzip);
      return;
    }
    default:
      behaviour satisfies never;
  }
}

function bodyFor(status: number, message: string | null): string {
  const success = status >= 200 && status < 300;
  return JSON.stringify(success ? { success } : { success, message });
}

function spaces(bytes: number): Readable {
  return Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= PIECE.length) yield PIECE.subarray(0, left);
    })(),
  );
}
