// The control routes below /_offthread, which return what was recorded and set the server's behaviour.
import type { FastifyInstance } from 'fastify';
import { recordOf } from '../api/entry.js';
import type { TrackingApiServer } from '../api/server.js';
import { checkBehaviour, checkRules, checkScript } from '../faults/check-behaviour.js';
import { foreignHost, foreignOrigin } from './same-origin.js';

/** The prefix of the control routes, on the port of the API and on the port of the handle. */
export const CONTROL_PREFIX = '/_offthread';

/** Events in one page. */
const PAGE = 5_000;

/** Longest wait in one request, in ms. */
const MAX_WAIT_MS = 600_000;

type Query = Record<string, string | undefined>;

/**
 * Adds the control routes, which reply with JSON. A malformed behaviour gets a 400 with a `message`. A request from a
 * web page of another origin gets a 403.
 */
export function controlRoutes(app: FastifyInstance, api: TrackingApiServer): void {
  const { recorder, behaviours } = api;

  app.setErrorHandler((error, _request, reply) => {
    const message = error instanceof Error ? error.message : String(error);
    return reply.code(error instanceof TypeError ? 400 : statusIn(error)).send({ message });
  });

  app.addHook('onRequest', async ({ headers }, reply) => {
    const message = foreignHost(headers.host, api.settings.host) ?? foreignOrigin(headers);
    if (message !== undefined) await reply.code(403).send({ message });
  });

  app.get('/counts', () => api.counts());
  app.get('/requests', (request) => {
    const { entries, next } = page(request.query);
    return { items: entries.map(recordOf), next };
  });
  app.get('/events', (request, reply) => {
    if (api.settings.record !== 'all') {
      return reply.code(400).send({ message: `events are not kept with record: '${api.settings.record}'` });
    }
    const { entries, next } = page(request.query);
    return {
      items: entries.filter((entry) => entry.accepted).flatMap((entry) => recordOf(entry).events),
      next,
    };
  });
  app.get('/message-ids', (request) => {
    const { entries, next } = page(request.query);
    return { items: entries.filter((entry) => entry.accepted).flatMap((entry) => entry.messageIds), next };
  });
  app.get('/requests/:sequence/body', (request, reply) => {
    const sequence = number((request.params as Query)['sequence'], 0);
    const entry = recorder.page(sequence, 1).entries[0];
    if (entry?.sequence !== sequence || entry.body === null)
      return reply.code(404).send({ message: 'the body of this request is not kept' });
    return reply.type('application/octet-stream').send(entry.body);
  });
  app.get('/wait', async (request) => {
    const { events, requests, timeoutMs } = request.query as Query;
    const goal = { events: number(events, 0), requests: number(requests, 0) };
    const reached = await recorder.waitFor(goal, Math.min(number(timeoutMs, 5_000), MAX_WAIT_MS));
    return { reached, counts: api.counts() };
  });

  post('/script', (body) => behaviours.script(checkScript(body)));
  post('/behave', (body) => behaviours.behave(checkBehaviour(body)));
  post('/rules', (body) => behaviours.rules(checkRules(body)));
  post('/reset', () => api.reset());
  post('/stop', () => api.stop());
  post('/start', () => api.start());

  function post(path: string, act: (body: unknown) => void | Promise<void>): void {
    app.post(path, async (request) => {
      await act(request.body);
      return { done: true };
    });
  }

  function page(query: unknown) {
    return recorder.page(number((query as Query)['from'], 1), PAGE);
  }
}

function number(text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise);
  if (!Number.isFinite(value) || value < 0)
    throw new TypeError(`expected a number, got ${JSON.stringify(text)}`);
  return value;
}

function statusIn(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
  return typeof status === 'number' ? status : 500;
}
