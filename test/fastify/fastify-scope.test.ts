// The Fastify plugin's withContext: events tracked anywhere belong to the request that is being handled, on a real
// server with overlapping requests.
import { Agent, request as send } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import type { Analytics, ScopedAnalytics } from '@offthread/sdk';
import { type FastifyAnalyticsOptions, fastifyAnalytics } from '@offthread/sdk/fastify';
import { createTestAnalytics, type TestAnalytics } from '@offthread/sdk/testing';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

let app: FastifyInstance;
let agent: Agent;
afterEach(async () => {
  agent?.destroy();
  await app?.close();
});

/** A library function deep in a handler, which has no request object. */
async function completeOrder(analytics: ScopedAnalytics, id: string): Promise<void> {
  await setTimeout(Math.random() * 5);
  analytics.track({ event: 'Order Completed', properties: { id } });
}

/** A server whose requests name their user in a header. */
async function serve(
  client: Analytics,
  add: (app: FastifyInstance) => void,
  options: Partial<FastifyAnalyticsOptions> = {},
): Promise<void> {
  app = Fastify();
  await app.register(fastifyAnalytics, {
    client,
    withContext: true,
    identify: ({ headers }) => ({ userId: String(headers['x-user']) }),
    ...options,
  } as FastifyAnalyticsOptions);
  add(app);
  await app.listen({ port: 0, host: '127.0.0.1' });
  // Few connections for many requests, so that each is reused.
  agent = new Agent({ keepAlive: true, maxSockets: 5 });
}

/** Posts a body in two pieces with a pause between them. Returns the status. */
async function post(user: string, path = '/'): Promise<number> {
  const address = app.server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server is not listening');
  return new Promise((resolve, reject) => {
    const headers = { 'x-user': user, 'content-type': 'application/json' };
    const request = send({ port: address.port, path, method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    request.on('error', reject);
    request.write('{"id":');
    void setTimeout(Math.random() * 5).then(() => request.end(`${JSON.stringify(user)}}`));
  });
}

/** The users of the events, by where they were tracked. */
function whoses(analytics: TestAnalytics): Record<string, string[]> {
  const byName: Record<string, string[]> = {};
  for (const { event = '', userId = '' } of analytics.tracks) {
    byName[event] ??= [];
    byName[event].push(userId);
  }
  return Object.fromEntries(Object.entries(byName).map(([name, users]) => [name, users.sort()]));
}

const users = Array.from({ length: 40 }, (_, n) => `user-${n}`).sort();

test('a hundred overlapping requests each have their own events, from deep in a handler to the API', async () => {
  const client = bench.open();
  await serve(client, (server) => {
    server.post('/', async ({ body }) => {
      const { id } = Object(body);
      await completeOrder(client, id);
      await Promise.all([completeOrder(client, id), completeOrder(server.analytics, id)]);
      return { id };
    });
  });
  const hundred = Array.from({ length: 100 }, (_, n) => `user-${n}`);
  expect(await Promise.all(hundred.map((user) => post(user)))).toEqual(Array(100).fill(200));
  expect(await client.flushAsync(20_000)).toMatchObject({ status: 'ok', failed: 0 });
  const events = await bench.api.events();
  expect(events).toHaveLength(300);
  const requests = new Map<unknown, unknown>();
  for (const { userId, properties, context } of events) {
    expect(userId).toBe(properties?.['id']);
    expect(context).toMatchObject({
      ip: '127.0.0.1',
      page: { path: '/' },
      library: { name: '@offthread/sdk' },
    });
    const { requestId } = Object(context);
    expect(requests.get(requestId) ?? userId).toBe(userId);
    requests.set(requestId, userId);
  }
  expect(requests.size).toBe(100);
});

test('in every hook from the first to the last, and if the response is a stream or an error', async () => {
  const analytics = createTestAnalytics();
  const library: ScopedAnalytics = analytics;
  const track = async (event: string): Promise<void> => {
    await setTimeout(Math.random() * 3);
    library.track({ event });
  };
  await serve(analytics, (server) => {
    server.addHook('onRequest', () => track('onRequest'));
    server.addHook('preParsing', async (_, __, payload) => {
      await track('preParsing');
      return payload;
    });
    server.addHook('preValidation', () => track('preValidation'));
    server.addHook('preHandler', () => track('preHandler'));
    server.addHook('preSerialization', async (_, __, payload) => {
      await track('preSerialization');
      return payload;
    });
    server.addHook('onSend', async (_, __, payload) => {
      await track('onSend');
      return payload;
    });
    server.addHook('onError', () => track('onError'));
    server.addHook('onResponse', () => track('onResponse'));
    server.post('/', async () => {
      await track('handler');
      return { ok: true };
    });
    server.post('/stream', (_, reply) => {
      reply.send(
        Readable.from(
          (async function* () {
            await track('stream');
            yield 'x';
          })(),
        ),
      );
    });
    server.post('/error', async () => {
      throw new Error('no');
    });
  });
  await Promise.all(users.flatMap((user) => ['/', '/stream', '/error'].map((path) => post(user, path))));
  await vi.waitFor(() => expect(whoses(analytics)['onResponse']).toHaveLength(120), 10_000);
  const thrice = users.flatMap((user) => [user, user, user]);
  expect(whoses(analytics)).toEqual({
    onRequest: thrice,
    preParsing: thrice,
    preValidation: thrice,
    preHandler: thrice,
    handler: users,
    stream: users,
    onError: users,
    preSerialization: users,
    onSend: thrice,
    onResponse: thrice,
  });
});

test('after a hook that continues elsewhere, as the callback of a connection pool does', async () => {
  const elsewhere: (() => unknown)[] = [];
  const pool = setInterval(() => {
    for (const goOn of elsewhere.splice(0)) goOn();
  }, 1);
  const analytics = createTestAnalytics();
  const library: ScopedAnalytics = analytics;
  const goOn = (_: unknown, __: unknown, done: () => void): unknown => elsewhere.push(done);
  await serve(analytics, (server) => {
    server.addHook('onRequest', goOn);
    server.addHook('preValidation', async () => {
      library.track({ event: 'preValidation' });
    });
    server.addHook('preValidation', goOn);
    server.addHook('onResponse', async () => {
      library.track({ event: 'onResponse' });
    });
    server.post('/', (_, reply) => {
      library.track({ event: 'handler' });
      elsewhere.push(() => reply.send({}));
    });
  });
  expect(await Promise.all(users.map((user) => post(user)))).toEqual(users.map(() => 200));
  await vi.waitFor(() => expect(whoses(analytics)['onResponse']).toHaveLength(users.length), 10_000);
  expect(whoses(analytics)).toEqual({ preValidation: users, handler: users, onResponse: users });
  clearInterval(pool);
});

describe('the context of a request', () => {
  test('is read at its first event and not before, and the user at each event', async () => {
    const analytics = createTestAnalytics();
    const identify = vi.fn(() => ({ userId: `asked ${identify.mock.calls.length}` }));
    const context = vi.fn(() => ({ plan: 'Free' }));
    await serve(
      analytics,
      (server) => {
        server.post('/none', async () => ({}));
        server.post('/two', async () => {
          scoped(analytics).track({ event: 'e' });
          await setTimeout(1);
          scoped(analytics).track({ event: 'e' });
          return {};
        });
      },
      { identify, context },
    );
    await post('u', '/none');
    expect(identify).not.toHaveBeenCalled();
    expect(context).not.toHaveBeenCalled();
    await post('u', '/two');
    expect(analytics.events.map(({ userId }) => userId)).toEqual(['asked 1', 'asked 2']);
    expect(analytics.events[1]?.context).toMatchObject({ plan: 'Free', page: { path: '/two' } });
    expect(context).toHaveBeenCalledTimes(1);
  });

  test('can have nested scopes, and request.analytics is unchanged', async () => {
    const analytics = createTestAnalytics();
    await serve(analytics, (server) => {
      server.post('/', async (request) => {
        analytics.withContext({ anonymousId: 'a', context: { feature: 'cart' } }, (within) => {
          within.track({ event: 'within' });
          within.track({ event: 'other', userId: 'other', context: { ip: '::1' } });
        });
        request.analytics.track({ event: 'request' });
        request.analytics.track({ event: 'nowhere', context: null });
        return {};
      });
    });
    await post('u');
    const [within, other, request, nowhere] = analytics.events;
    expect(within).toMatchObject({
      userId: 'u',
      anonymousId: 'a',
      context: { feature: 'cart', ip: '127.0.0.1' },
    });
    expect(other).toMatchObject({
      userId: 'other',
      context: { feature: 'cart', ip: '::1', page: { path: '/' } },
    });
    expect(request).toMatchObject({ userId: 'u', context: { ip: '127.0.0.1' } });
    expect(request?.context).not.toHaveProperty('feature');
    expect(Object.keys(nowhere?.context ?? {})).toEqual(['library']);
  });

  test('is not inherited from an outer request if the inner one has no user', async () => {
    const analytics = createTestAnalytics();
    await serve(
      analytics,
      (server) => {
        server.post('/', async () => server.inject({ method: 'POST', url: '/inner' }).then(() => ({})));
        server.post('/inner', async () => scoped(analytics).track({ event: 'e' }));
      },
      { identify: ({ headers }) => (headers['x-user'] ? { userId: 'outer' } : null) },
    );
    expect(await post('u')).toBe(200);
    expect(analytics.events).toEqual([]);
  });

  test('is inherited by events of its own client only', async () => {
    const [one, two] = [createTestAnalytics(), createTestAnalytics()];
    app = Fastify();
    const identify = (): { userId: string } => ({ userId: 'u' });
    await app.register(fastifyAnalytics, { client: one, withContext: true, identify });
    await app.register(fastifyAnalytics, { client: two, decorateAs: 'second', identify });
    app.post('/', async () => {
      scoped(one).track({ event: 'e' });
      expect(() => scoped(two).track({ event: 'e' })).toThrow('needs a userId');
      return {};
    });
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(200);
    expect([one.events.length, two.events.length]).toEqual([1, 0]);
  });
});

function scoped(analytics: Analytics): ScopedAnalytics {
  return analytics;
}

test('without the option nothing is inherited, and other values are refused', async () => {
  const analytics = createTestAnalytics();
  const errors: unknown[] = [];
  await serve(
    analytics,
    (server) => {
      server.setErrorHandler((error, _, reply) => {
        errors.push(error);
        return reply.code(500).send();
      });
      server.post('/', async () => scoped(analytics).track({ event: 'e' }));
    },
    { withContext: false },
  );
  expect(await post('u')).toBe(500);
  expect(errors).toMatchObject([{ name: 'ValidationError' }]);
  const options = { client: analytics, withContext: 'yes' } as unknown as FastifyAnalyticsOptions;
  await expect(Fastify().register(fastifyAnalytics, options)).rejects.toThrow(
    "Option 'withContext' must be true or false; got 'yes'",
  );
});
