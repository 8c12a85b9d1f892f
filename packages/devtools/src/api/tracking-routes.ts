// The routes that take events: read a request, decide about it, record it, reply.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PlainBehaviour } from '../faults/behaviour.js';
import type { BehaviourPlan } from '../faults/behaviour-plan.js';
import { breakConnection } from '../faults/connection-fault.js';
import { answer, statusOf, type Verdict } from '../faults/reply.js';
import { type PlainBody, plainBody, readBody } from './body.js';
import { hasToken, writeKeyOf } from './credentials.js';
import type { OpenConnections } from './open-connections.js';
import type { Settings } from './options.js';
import { EventCounter, type ParsedBody, parseBody, typeOfRoute } from './parse-body.js';
import type { Decision, Entry, Recorder } from './recorder.js';

/** What the routes need. */
export interface IngestParts {
  settings: Settings;
  behaviours: BehaviourPlan;
  recorder: Recorder;
  connections: OpenConnections;
}

type Arrival = Pick<
  Decision,
  'method' | 'path' | 'headers' | 'writeKey' | 'connection' | 'receivedAt' | 'receivedMs'
>;

const NOTHING: ParsedBody = { events: [], eventCount: 0, sentAt: null };

/** Adds the tracking routes. What is no tracking route is recorded too, and gets a 404. */
export function ingestRoutes(
  app: FastifyInstance,
  { settings, behaviours, recorder, connections }: IngestParts,
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
      connection: connections.numberOf(socket),
      receivedAt: new Date().toISOString(),
      receivedMs: performance.now(),
    };
    const leave = connections.countRequest(arrival.writeKey ?? '', socket);
    reply.raw.once('close', leave);

    let behaviour: PlainBehaviour | undefined = isTracking
      ? behaviours.forHeaders(arrival.writeKey)
      : { type: 'ok' };
    if (behaviour !== undefined && actsAtHeaders(behaviour)) {
      const unread = { bodyBytes: 0, plainBytes: null, body: null, parsed: NOTHING };
      decide(arrival, behaviour, { status: 400, refusal: 'the body was not read' }, unread, reply);
      return act(behaviour, { status: 400, refusal: null }, reply, leave);
    }

    const encoding = request.headers['content-encoding'];
    const withToken = hasToken(request.headers.authorization);
    const isSkimmed = settings.skim && isTracking && behaviour !== undefined && !withToken && !encoding;
    const skim = isSkimmed ? new EventCounter() : undefined;
    const wire = await readBody(request.raw, skim && ((chunk) => skim.take(chunk)));
    if (!wire.complete) return reply.hijack(); // The client left during the upload: nothing was decided.
    const plain: PlainBody = skim === undefined ? await plainBody(wire, encoding) : { bytes: null };
    let parsed = skim?.parsed ?? NOTHING;
    if (isTracking && plain.bytes !== null) parsed = parseBody(plain.bytes, typeOfRoute(path));
    if (withToken) arrival.writeKey = parsed.writeKey ?? null;
    const verdict = isTracking ? judge(arrival.writeKey, plain.refusal ?? parsed.refusal) : notFound(path);
    behaviour ??= behaviours.forBody(arrival.writeKey, parsed.events);
    const read = {
      bodyBytes: wire.received,
      plainBytes: plain.bytes?.length ?? null,
      body: plain.bytes,
      parsed,
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
    { parsed, ...sizes }: Pick<Decision, 'bodyBytes' | 'plainBytes' | 'body'> & { parsed: ParsedBody },
    reply: FastifyReply,
  ): Entry {
    const status = statusOf(behaviour, verdict);
    const success = status !== null && status >= 200 && status < 300;
    const entry = recorder.add({
      ...arrival,
      ...sizes,
      sentAt: parsed.sentAt,
      eventCount: parsed.eventCount,
      events: parsed.events,
      behaviour: behaviour.type,
      status,
      accepted: verdict.refusal === null && (behaviour.accept ?? success),
      refusal: verdict.refusal,
    });
    const { socket } = reply.request.raw;
    reply.raw.once('close', () => {
      const state = connections.isBroken(socket) ? 'broken' : 'abandoned';
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
        breakConnection(behaviour, reply.request.raw.socket, connections, leave);
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
