// The behaviours that are an HTTP reply, sent.
import { pipeline, Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import type { Answer, GzipBomb, Huge, Ok, PlainBehaviour, Redirect } from './behaviour.js';

/** The behaviours that are an HTTP reply. */
export type HttpBehaviour = Answer | GzipBomb | Huge | Ok | Redirect;

/** What the Tracking API itself would answer. */
export interface Verdict {
  status: number;
  refusal: string | null;
}

const PIECE = Buffer.alloc(64 * 1024, ' ');

/** The status of the reply; `null` for a behaviour that sends no whole status line and headers. */
export function statusOf(behaviour: PlainBehaviour, verdict: Verdict): number | null {
  switch (behaviour.type) {
    case 'ok':
      return verdict.status;
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

/** Answers a request. */
export async function answer(
  behaviour: HttpBehaviour,
  verdict: Verdict,
  latencyMs: number,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const wait = 'delayMs' in behaviour ? (behaviour.delayMs ?? latencyMs) : latencyMs;
  if (wait > 0) await delay(wait, undefined, { ref: false });
  // A turn of the event loop at least: else a request whose bytes are all here is over before the next one is seen,
  // and requests that were out at the same moment are never counted as such.
  else await turn();
  if (reply.raw.destroyed) return reply.hijack();
  reply.type('application/json; charset=utf-8');
  switch (behaviour.type) {
    case 'ok':
      return reply.code(verdict.status).send(bodyFor(verdict.status, verdict.refusal));
    case 'answer': {
      const { status, headers = {}, body = bodyFor(status, 'answered as told') } = behaviour;
      return reply
        .code(status)
        .headers(headers)
        .send(typeof body === 'string' ? body : JSON.stringify(body));
    }
    case 'redirect': {
      const { status = 307, location } = behaviour;
      return reply.code(status).header('location', location).send(bodyFor(status, 'redirected as told'));
    }
    case 'huge':
      return reply.header('content-length', behaviour.bytes).send(spaces(behaviour.bytes));
    case 'gzip-bomb': {
      const gzip = createGzip({ level: 9 });
      pipeline(spaces(behaviour.bytes), gzip, () => {}); // Ends the source when the client leaves.
      return reply.header('content-encoding', 'gzip').send(gzip);
    }
    default:
      return behaviour satisfies never;
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
