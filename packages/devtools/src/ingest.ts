// In: a request to a tracking route. Out: its record, and what was decided done to it. Next: reply.ts, sabotage.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PlainBehaviour } from './behaviour.js';
import { type PlainBody, plainBody, readBody } from './body.js';
import { hasToken, writeKeyOf } from './credentials.js';
import type { Director } from './director.js';
import { type Envelope, openEnvelope, Skim, typeOfRoute } from './envelope.js';
import type { Gauge } from './gauge.js';
import type { Settings } from './options.js';
import type { Decision, Entry, Recorder } from './recorder.js';
import { answer, statusOf, type Verdict } from './reply.js';
import { sabotage } from './sabotage.js';

/** What the routes need. */
export interface IngestParts {
  settings: Settings;
  director: Director;
  recorder: Recorder;
  gauge: Gauge;
}

type Arrival = Pick<
  Decision,
  'method' | 'path' | 'headers' | 'writeKey' | 'connection' | 'receivedAt' | 'receivedMs'
>;

const NOTHING: Envelope = { events: [], eventCount: 0, sentAt: null };

/** Adds the tracking routes. What is no tracking route is recorded too, and gets a 404. */
export function ingestRoutes(
  app: FastifyInstance,
  { settings, director, recorder, gauge }: IngestParts,
): void {
  // The body is read by the handler: a behaviour may want it unread.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.all('/*', handle);

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { socket } = request.raw;
    const path = request.url.split('?', 1)[0] ?? '';
    const isTracking =
      request.method === 'POST' && (settings.batchPaths.includes(path) || typeOfRoute(path) !== null);
    const arrival: Arrival = {
      method: request.method,
      path,
      headers: request.headers,
      writeKey: writeKeyOf(request.headers.authorization),
      connection: gauge.numberOf(socket),
      receivedAt: new Date().toISOString(),
      receivedMs: performance.now(),
    };
    const leave = gauge.enter(arrival.writeKey ?? '', socket);
    reply.raw.once('close', leave);

    let behaviour: PlainBehaviour | undefined = isTracking
      ? director.atHeaders(arrival.writeKey)
      : { type: 'ok' };
    if (behaviour !== undefined && actsAtHeaders(behaviour)) {
      const unread = { bodyBytes: 0, plainBytes: null, body: null, envelope: NOTHING };
      decide(arrival, behaviour, { status: 400, refusal: 'the body was not read' }, unread, reply);
      return act(behaviour, { status: 400, refusal: null }, reply, leave);
    }

    const encoding = request.headers['content-encoding'];
    const withToken = hasToken(request.headers.authorization);
    const isSkimmed = settings.skim && isTracking && behaviour !== undefined && !withToken && !encoding;
    const skim = isSkimmed ? new Skim() : undefined;
    const wire = await readBody(request.raw, skim && ((chunk) => skim.take(chunk)));
    if (!wire.complete) return reply.hijack(); // The client left during the upload: nothing was decided.
    const plain: PlainBody = skim === undefined ? await plainBody(wire, encoding) : { bytes: null };
    let envelope = skim?.envelope ?? NOTHING;
    if (isTracking && plain.bytes !== null) envelope = openEnvelope(plain.bytes, typeOfRoute(path));
    if (withToken) arrival.writeKey = envelope.writeKey ?? null;
    const verdict = isTracking ? judge(arrival.writeKey, plain.refusal ?? envelope.refusal) : notFound(path);
    behaviour ??= director.atBody(arrival.writeKey, envelope.events);
    const read = {
      bodyBytes: wire.received,
      plainBytes: plain.bytes?.length ?? null,
      body: plain.bytes,
      envelope,
    };
    decide(arrival, behaviour, verdict, read, reply);
    return act(behaviour, verdict, reply, leave);
  }

  function judge(writeKey: string | null, refusal: string | undefined): Verdict {
    if (writeKey === null)
      return {
        status: 401,
        refusal:
          'no write key: expected Basic auth, empty password; or an access token, and writeKey in the body',
      };
    if (settings.writeKeys !== null && !settings.writeKeys.includes(writeKey)) {
      return { status: 401, refusal: 'this write key is not known here' };
    }
    return refusal === undefined ? { status: 200, refusal: null } : { status: 400, refusal };
  }

  function decide(
    arrival: Arrival,
    behaviour: PlainBehaviour,
    verdict: Verdict,
    { envelope, ...sizes }: Pick<Decision, 'bodyBytes' | 'plainBytes' | 'body'> & { envelope: Envelope },
    reply: FastifyReply,
  ): Entry {
    const status = statusOf(behaviour, verdict);
    const success = status !== null && status >= 200 && status < 300;
    const entry = recorder.add({
      ...arrival,
      ...sizes,
      sentAt: envelope.sentAt,
      eventCount: envelope.eventCount,
      events: envelope.events,
      behaviour: behaviour.type,
      status,
      accepted: verdict.refusal === null && (behaviour.accept ?? success),
      refusal: verdict.refusal,
    });
    const { socket } = reply.request.raw;
    reply.raw.once('close', () => {
      const state = gauge.isBroken(socket) ? 'broken' : 'abandoned';
      recorder.finish(entry, reply.raw.writableFinished ? 'answered' : state);
    });
    return entry;
  }

  function act(
    behaviour: PlainBehaviour,
    verdict: Verdict,
    reply: FastifyReply,
    leave: () => void,
  ): FastifyReply | Promise<FastifyReply> {
    switch (behaviour.type) {
      case 'ok':
      case 'answer':
      case 'redirect':
      case 'huge':
      case 'gzip-bomb':
        return answer(behaviour, verdict, settings.latencyMs, reply);
      default:
        reply.hijack();
        sabotage(behaviour, reply.request.raw.socket, gauge, leave);
        return reply;
    }
  }
}

function actsAtHeaders(behaviour: PlainBehaviour): boolean {
  return behaviour.type === 'stall-upload' || (behaviour.type === 'drop' && behaviour.after === 'headers');
}

function notFound(path: string): Verdict {
  return { status: 404, refusal: `${path} is not a route of the Tracking API` };
}
