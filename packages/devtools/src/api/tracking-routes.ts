// The routes that accept events: read a request, choose its behaviour, record it, and reply.
import type { ServerResponse } from 'node:http';
import {
  authorize,
  corsHeaders,
  type EventRoute,
  isPreflight,
  notFound,
  projectSettings,
  type Refusal,
  type Route,
  requestedMethod,
  routeOf,
  takesEvents,
  writeKeyOf,
} from '@offthread/tracking-api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PlainBehaviour } from '../faults/behaviour.js';
import type { BehaviourPlan } from '../faults/behaviour-plan.js';
import { breakConnection } from '../faults/connection-fault.js';
import { answer, statusOf } from '../faults/reply.js';
import type { Entry, NewEntry, SentReply } from './entry.js';
import type { OpenConnections } from './open-connections.js';
import type { Settings } from './options.js';
import { type Content, countEvents, NO_CONTENT, readEvents, readOther } from './read-request.js';
import type { Recorder } from './recorder.js';

/** The parts of the server that the routes use. */
export interface TrackingRouteParts {
  settings: Settings;
  behaviours: BehaviourPlan;
  recorder: Recorder;
  connections: OpenConnections;
}

/** What is known about a request when its headers have arrived. */
type Arrival = Pick<
  NewEntry,
  'method' | 'path' | 'query' | 'route' | 'headers' | 'writeKey' | 'connection' | 'receivedAt' | 'receivedMs'
>;

const UNREAD: Refusal = { status: 400, code: 'invalid_json', message: 'the body was not read' };

/** Adds the routes of the Tracking API. A request to any other path is recorded too, and gets a 404. */
export function trackingRoutes(
  app: FastifyInstance,
  { settings, behaviours, recorder, connections }: TrackingRouteParts,
): void {
  const replies = new WeakMap<ServerResponse, SentReply>();
  if (settings.page) {
    app.addHook('onSend', async (_request, reply, payload) => {
      const body = typeof payload === 'string' ? payload : null;
      replies.set(reply.raw, { status: reply.statusCode, headers: reply.getHeaders(), body });
    });
  }
  // A hook replies instead of the handler, which Fastify would not call for a malformed content type.
  app.all('/*', { onRequest: handle }, () => {});

  async function handle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { headers, method, url } = request;
    const cors = corsHeaders(headers, settings.origins);
    if (isPreflight(method, headers)) {
      const isKnown = routeOf(requestedMethod(headers) ?? '', url, settings.batchPaths) !== null;
      reply
        .code(isKnown ? 204 : 404)
        .headers(isKnown ? cors : {})
        .send();
      return;
    }
    reply.headers(cors);
    const route = routeOf(method, url, settings.batchPaths);
    if (route?.type === 'settings' && authorize(route.writeKey, settings.writeKeys) === null) {
      reply.send(projectSettings(route.writeKey, request.protocol, request.host));
      return;
    }
    const { socket } = request.raw;
    const [path = ''] = url.split('?', 1);
    const arrival: Arrival = {
      method,
      path,
      query: url.slice(path.length),
      route: takesEvents(route) ? route : null,
      headers,
      writeKey: writeKeyOf(headers.authorization),
      connection: connections.numberOf(socket),
      receivedAt: new Date().toISOString(),
      receivedMs: performance.now(),
    };
    const leave = connections.countRequest(arrival.writeKey ?? '', socket);
    reply.raw.once('close', leave);
    if (takesEvents(route)) await handleEvents(arrival, route, reply, leave);
    else await handleOther(arrival, route, reply, leave);
  }

  async function handleEvents(
    arrival: Arrival,
    route: EventRoute,
    reply: FastifyReply,
    leave: () => void,
  ): Promise<void> {
    const { headers } = arrival;
    const planned = behaviours.forHeaders(arrival.writeKey);
    if (planned !== undefined && actsAtHeaders(planned)) {
      record(arrival, planned, UNREAD, NO_CONTENT, reply);
      return act(planned, null, reply, leave);
    }

    const { raw } = reply.request;
    const isCounted =
      settings.skim && planned !== undefined && arrival.writeKey !== null && !headers['content-encoding'];
    const read = isCounted
      ? await countEvents(raw, arrival.writeKey, settings)
      : await readEvents(raw, route, settings);
    if (read === null) {
      reply.hijack(); // The client disconnected during the upload. Nothing is recorded.
      return;
    }
    const { writeKey, content, refusal } = read;
    const behaviour = planned ?? behaviours.forBody(writeKey, content.events);
    record({ ...arrival, writeKey }, behaviour, refusal, content, reply);
    return act(behaviour, refusal, reply, leave);
  }

  /** Metrics of analytics.js, and paths that the Tracking API does not have. */
  async function handleOther(
    arrival: Arrival,
    route: Route | null,
    reply: FastifyReply,
    leave: () => void,
  ): Promise<void> {
    const content = await readOther(reply.request.raw);
    if (content === null) {
      reply.hijack();
      return;
    }
    const refusal = route?.type === 'metrics' ? null : notFound(arrival.path);
    record(arrival, { type: 'ok' }, refusal, content, reply);
    return act({ type: 'ok' }, refusal, reply, leave);
  }

  function record(
    arrival: Arrival,
    behaviour: PlainBehaviour,
    refusal: Refusal | null,
    content: Content,
    reply: FastifyReply,
  ): Entry {
    const status = statusOf(behaviour, refusal);
    const success = status !== null && status >= 200 && status < 300;
    const entry = recorder.add({
      ...arrival,
      ...content,
      behaviour: behaviour.type,
      status,
      accepted: refusal === null && (behaviour.accept ?? success),
      refusal: refusal?.message ?? null,
    });
    const { socket } = reply.request.raw;
    reply.raw.once('close', () => {
      if (reply.raw.headersSent) entry.reply = replies.get(reply.raw) ?? null;
      const state = connections.isBroken(socket) ? 'broken' : 'abandoned';
      recorder.finish(entry, reply.raw.writableFinished ? 'answered' : state);
    });
    return entry;
  }

  async function act(
    behaviour: PlainBehaviour,
    refusal: Refusal | null,
    reply: FastifyReply,
    leave: () => void,
  ): Promise<void> {
    switch (behaviour.type) {
      case 'ok':
      case 'answer':
      case 'redirect':
      case 'huge':
      case 'gzip-bomb':
        await answer(behaviour, refusal, settings.latencyMs, reply);
        break;
      default:
        reply.hijack();
        breakConnection(behaviour, reply.request.raw.socket, connections, leave);
    }
  }
}

function actsAtHeaders(behaviour: PlainBehaviour): boolean {
  return behaviour.type === 'stall-upload' || (behaviour.type === 'drop' && behaviour.after === 'headers');
}
