// The routes of the live page: its files, its stream and its requests.
import { readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Entry } from '../api/entry.js';
import type { TrackingApiServer } from '../api/server.js';
import { CONTROL_PREFIX } from '../control/control-routes.js';
import { foreignHost, foreignOrigin } from '../control/same-origin.js';
import { contentOf } from './content.js';
import { Feed } from './feed.js';
import { replay } from './replay.js';

/** Built from packages/devtools/page. */
const FILES = new URL('../page/', import.meta.url);

/** One request, by its sequence number. */
const REQUEST = `${CONTROL_PREFIX}/page/requests/:sequence`;

/** The page runs only files of this server, and text never becomes markup or script. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
    "require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** Adds the page at `/`, its files and its stream. */
export function pageRoutes(app: FastifyInstance, api: TrackingApiServer): void {
  const feed = new Feed(api);

  app.addHook('onRequest', async ({ headers, url }, reply) => {
    // A link from anywhere may lead to the page. Only the page itself may request its parts.
    const foreign =
      foreignHost(headers.host, api.settings.host) ?? (url === '/' ? undefined : foreignOrigin(headers));
    if (foreign !== undefined) await reply.code(403).type('text/plain').send(`${foreign}\n`);
    else reply.headers(HEADERS);
  });

  file('/', 'index.html', 'text/html; charset=utf-8');
  file(`${CONTROL_PREFIX}/page/main.js`, 'main.js', 'text/javascript; charset=utf-8');
  file(`${CONTROL_PREFIX}/page/main.css`, 'main.css', 'text/css; charset=utf-8');
  file(`${CONTROL_PREFIX}/page/icon.svg`, 'icon.svg', 'image/svg+xml');
  app.get(`${CONTROL_PREFIX}/stream`, (_request, reply) => {
    reply.hijack();
    feed.open(reply.raw);
  });
  app.get(REQUEST, (request, reply) => {
    const entry = entryOf(request);
    return entry === undefined ? notKept(reply) : contentOf(entry);
  });
  app.post(`${REQUEST}/again`, (request, reply) => {
    const entry = entryOf(request);
    if (entry === undefined || entry.body === null) return notKept(reply);
    replay(entry, api.url);
    return reply.code(202).send({ done: true });
  });
  // Browsers request these by themselves. They must not be recorded as refused requests.
  for (const path of ['/favicon.ico', '/.well-known/*']) {
    app.get(path, (_request, reply) => reply.code(404).send());
  }

  function entryOf({ params }: FastifyRequest): Entry | undefined {
    const sequence = Number((params as { sequence: string }).sequence);
    const entry = Number.isInteger(sequence) ? api.recorder.page(sequence, 1).entries[0] : undefined;
    return entry?.sequence === sequence ? entry : undefined;
  }

  function file(path: string, name: string, type: string): void {
    const bytes = readFileSync(new URL(name, FILES));
    app.get(path, (_request, reply) => reply.type(type).send(bytes));
  }
}

function notKept(reply: FastifyReply): FastifyReply {
  return reply.code(404).send({ message: 'this request is not kept' });
}
