// A Fastify plugin that answers like the Tracking API and passes the events of each request to a function.
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { readBody } from './body.js';
import { type AllowedOrigins, corsHeaders, isPreflight, requestedMethod } from './cors.js';
import { projectSettings } from './project-settings.js';
import { type Receipt, type ReceiveOptions, receive } from './receive.js';
import { notFound, type Refusal, replyTo } from './refusal.js';
import { BATCH_PATHS, routeOf } from './route.js';
import { authorize } from './write-key.js';

/** A request whose events are accepted. */
export interface AcceptedReceipt extends Receipt {
  writeKey: string;
  body: Buffer;
  refusal: null;
}

/** Options of the plugin. */
export interface TrackingApiPluginOptions extends Pick<ReceiveOptions, 'writeKeys' | 'strict'> {
  /**
   * Processes the events of a request before the reply is sent. Return nothing to reply 200, or a refusal to reply with
   * it. If it throws, Fastify answers 500, and the client sends the events again.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing must do.
  accept: (receipt: AcceptedReceipt, request: FastifyRequest) => Promise<Refusal | void> | Refusal | void;
  /** The origins whose pages may send events from a browser. Default: none. */
  origins?: AllowedOrigins;
  /** The paths that accept a batch. Default: `BATCH_PATHS`. */
  batchPaths?: readonly string[];
}

/** Accepts events at every path of the Tracking API. If it has a `prefix`, that is part of the `host` of clients. */
export const trackingApi: FastifyPluginAsync<TrackingApiPluginOptions> = async (app, options) => {
  const { accept, writeKeys, strict, origins = [], batchPaths = BATCH_PATHS } = options;
  const elsewhere = batchPaths.filter((path) => !path.startsWith('/v1/'));
  for (const url of ['/v1/*', ...elsewhere.flatMap((path) => [path, `${path}/`])]) {
    // A hook replies instead of the handler, because Fastify doesn't call the handler for a malformed content type.
    app.route({ method: ['GET', 'POST', 'OPTIONS'], url, onRequest: handle, handler: () => {} });
  }

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { headers } = request;
    const target = request.url.slice(app.prefix.length);
    const cors = corsHeaders(headers, origins);
    if (isPreflight(request.method, headers)) {
      const isKnown = routeOf(requestedMethod(headers) ?? '', target, batchPaths) !== null;
      reply
        .code(isKnown ? 204 : 404)
        .headers(isKnown ? cors : {})
        .send();
      return;
    }
    reply.headers(cors);
    const route = routeOf(request.method, target, batchPaths);
    if (route === null) return answer(notFound(target.split('?', 1)[0] ?? ''), reply);
    switch (route.type) {
      case 'settings':
        if (authorize(route.writeKey, writeKeys) !== null) return answer(notFound(target), reply);
        reply.send(projectSettings(route.writeKey, request.protocol, `${request.host}${app.prefix}`));
        return;
      case 'metrics':
        await readBody(request.raw, { onChunk: () => {} });
        return answer(null, reply);
      default: {
        const wire = await readBody(request.raw);
        if (wire.end === 'aborted') {
          reply.hijack();
          return;
        }
        if (wire.end === 'given-up') reply.header('connection', 'close');
        const receipt = await receive({ route, headers, body: wire.bytes }, { writeKeys, strict });
        const refusal = isAccepted(receipt) ? ((await accept(receipt, request)) ?? null) : receipt.refusal;
        return answer(refusal, reply);
      }
    }
  }
};

function isAccepted(receipt: Receipt): receipt is AcceptedReceipt {
  return receipt.refusal === null;
}

function answer(refusal: Refusal | null, reply: FastifyReply): void {
  const { status, headers, body } = replyTo(refusal);
  reply.code(status).headers(headers).send(body);
}
