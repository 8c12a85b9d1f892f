// The Fastify plugin: what it adds to an event, what it costs a request, and how the server ends.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:http2';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type ReceivedEvent, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics, type AnalyticsError, type AnalyticsSettings, version } from '@offthread/sdk';
import {
  type FastifyAnalyticsOptions,
  fastifyAnalytics,
  type RequestAnalytics,
  type RequestReaders,
} from '@offthread/sdk/fastify';
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
  type InjectOptions,
} from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadUntilSigterm, type OrderServer, placeOrder, serve } from '../helpers/order-server.js';

declare module 'fastify' {
  interface FastifyInstance {
    marketing: Analytics;
  }
  interface FastifyRequest {
    marketing: RequestAnalytics;
  }
}

let api: TrackingApi;
let app: FastifyInstance;
// Kept open, so that the worker thread isn't restarted for each test.
let tenant: Analytics;

beforeAll(async () => {
  api = await startTrackingApi();
  tenant = new Analytics({ writeKey: 'KEY', host: api.url });
  tenant.track({ userId: 'tenant', event: 'Moved In' });
  await tenant.flushAsync();
});

beforeEach(() => api.reset());

afterEach(() => app?.close());

afterAll(async () => {
  await tenant.close();
  await api.close();
});

/** Options for a separate client of the local API. */
function own(
  more: Partial<AnalyticsSettings> & RequestReaders & { decorateAs?: string } = {},
): FastifyAnalyticsOptions {
  return { writeKey: 'KEY', host: api.url, identify: () => ({ userId: 'user-1' }), ...more };
}

const trackOne = ({ analytics }: FastifyRequest): unknown => analytics.track({ event: 'Seen' });

/** A server with the plugin that calls `handle` for every GET request. */
async function serverWith(
  options: FastifyAnalyticsOptions,
  handle: (request: FastifyRequest) => unknown = trackOne,
  settings: FastifyServerOptions = {},
): Promise<void> {
  app = Fastify(settings);
  await app.register(fastifyAnalytics, options);
  app.get('*', async (request) => ({ result: handle(request) }));
}

/** The events of one request. */
async function eventsOf(request: InjectOptions = {}): Promise<ReceivedEvent[]> {
  const { statusCode, body } = await app.inject({ url: '/', ...request });
  expect([statusCode, body]).toEqual([200, expect.any(String)]);
  await app.analytics.flushAsync();
  return api.events();
}

describe('an event tracked on a request', () => {
  const headers = {
    host: 'shop.example:8443',
    'user-agent': 'Browser/1.0',
    'accept-language': 'de-CH,de;q=0.9,en;q=0.8',
    referer: 'https://search.example/?q=shoes',
  };

  test('has the data of the request in its context', async () => {
    await serverWith(own());
    const [event] = await eventsOf({ url: '/shoes?size=42', remoteAddress: '203.0.113.7', headers });
    expect(event).toMatchObject({ type: 'track', userId: 'user-1', event: 'Seen' });
    expect(event?.context).toEqual({
      library: { name: '@offthread/sdk', version },
      ip: '203.0.113.7',
      userAgent: 'Browser/1.0',
      locale: 'de-CH',
      page: {
        url: 'http://shop.example:8443/shoes?size=42',
        path: '/shoes',
        search: '?size=42',
        referrer: 'https://search.example/?q=shoes',
      },
      requestId: expect.stringMatching(/^req-/),
    });
  });

  test('has the request id of the log', async () => {
    await serverWith(own(), undefined, { genReqId: () => 'id-of-the-log' });
    const [event] = await eventsOf();
    expect(event?.context).toMatchObject({ requestId: 'id-of-the-log' });
  });

  const forwarded = {
    host: 'internal:3000',
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-host': 'shop.example',
    'x-forwarded-proto': 'https',
  };

  test('has the address that a trusted proxy forwards', async () => {
    await serverWith(own(), undefined, { trustProxy: true });
    const [event] = await eventsOf({ remoteAddress: '10.0.0.1', headers: forwarded });
    expect(event?.context).toMatchObject({ ip: '203.0.113.7', page: { url: 'https://shop.example/' } });
  });

  test('has the address of the connection if no proxy is trusted', async () => {
    await serverWith(own());
    const [event] = await eventsOf({ remoteAddress: '10.0.0.1', headers: forwarded });
    expect(event?.context).toMatchObject({ ip: '10.0.0.1', page: { url: 'http://internal:3000/' } });
  });

  test.each([
    ['en', 'en'],
    ['en;q=0.8, fr-CA', 'fr-CA'],
    ['*;q=0.5, pt-BR;q=0.1', 'pt-BR'],
    ['de;q=0, it ; q=0.3', 'it'],
    ['zh-Hant-TW', 'zh-Hant-TW'],
    ['*', undefined],
    ['', undefined],
    ['<script>, 12', undefined],
  ])('of Accept-Language "%s" has the locale %s', async (accepted, locale) => {
    await serverWith(own());
    const [event] = await eventsOf({ headers: { 'accept-language': accepted } });
    expect(event?.context?.['locale']).toBe(locale);
  });

  test('keeps the context fields of the call, field by field', async () => {
    await serverWith(own({ context: () => ({ app: { name: 'shop' }, ip: '0.0.0.0' }) }), ({ analytics }) => {
      analytics.track({ event: 'One' });
      analytics.track({ event: 'Two', context: { locale: 'eo', ip: null, campaign: { name: 'spring' } } });
      analytics.track({ event: 'Three', context: null });
    });
    const [one, two, three] = await eventsOf({ headers });
    expect(one?.context).toMatchObject({ ip: '0.0.0.0', locale: 'de-CH', app: { name: 'shop' } });
    expect(two?.context).toMatchObject({
      ip: null,
      locale: 'eo',
      campaign: { name: 'spring' },
      app: { name: 'shop' },
      userAgent: 'Browser/1.0',
    });
    expect(three?.context).toEqual({ library: { name: '@offthread/sdk', version } });
  });

  test('has the ids that identify returns at that moment, unless the call has its own', async () => {
    let userId: number | undefined;
    await serverWith(own({ identify: () => ({ userId, anonymousId: 'visitor' }) }), ({ analytics }) => {
      analytics.track({ event: 'Seen' });
      userId = 7;
      analytics.track({ event: 'Logged In' });
      analytics.track({ event: 'Promoted', userId: 'other', anonymousId: null });
      analytics.track({ event: 'Left', anonymousId: 'guest' });
    });
    const ids = (await eventsOf()).map(({ userId, anonymousId }) => ({ userId, anonymousId }));
    expect(ids).toEqual([
      { userId: undefined, anonymousId: 'visitor' },
      { userId: '7', anonymousId: 'visitor' },
      { userId: 'other', anonymousId: undefined },
      { userId: '7', anonymousId: 'guest' },
    ]);
  });

  test('can have any of the six types, and calls its callback', async () => {
    const ends: unknown[] = [];
    const end = (error?: AnalyticsError): unknown => ends.push(error);
    await serverWith(
      own({ identify: () => ({ userId: 'user-1', anonymousId: 'visitor' }) }),
      ({ analytics }) => {
        expect(analytics.identify({ traits: { plan: 'Free' } }, end)).toBe(true);
        expect(analytics.track({ event: 'Seen' }, end)).toBe(true);
        expect(analytics.page({}, end)).toBe(true);
        expect(analytics.screen({ name: 'Home' }, end)).toBe(true);
        expect(analytics.group({ groupId: 1 }, end)).toBe(true);
        expect(analytics.alias({ previousId: 'visitor' }, end)).toBe(true);
      },
    );
    const events = await eventsOf();
    const both = { userId: 'user-1', anonymousId: 'visitor', context: { page: { path: '/' } } };
    expect(events).toMatchObject([
      { ...both, type: 'identify', traits: { plan: 'Free' } },
      { ...both, type: 'track', event: 'Seen' },
      { ...both, type: 'page' },
      { ...both, type: 'screen', name: 'Home' },
      { ...both, type: 'group', groupId: '1' },
      { type: 'alias', userId: 'user-1', previousId: 'visitor', context: { page: { path: '/' } } },
    ]);
    expect(events[5]).not.toHaveProperty('anonymousId');
    expect(ends).toEqual(Array(6).fill(undefined));
  });

  test('can be tracked in a route of a plugin', async () => {
    await serverWith(own());
    await app.register(async (child) => {
      child.get('/child', async ({ analytics }) => ({ result: analytics.track({ event: 'Seen There' }) }));
    });
    expect(await eventsOf({ url: '/child' })).toMatchObject([{ event: 'Seen There' }]);
  });
});

test('a request that tracks nothing is not read, and one that tracks is read once', async () => {
  const readers = {
    identify: vi.fn(() => ({ userId: 'user-1' })),
    context: vi.fn(() => ({})),
  };
  const trustProxy = vi.fn(() => true); // Called whenever ip, host or protocol is read.
  let times = 0;
  const handle = ({ analytics }: FastifyRequest): void => {
    for (let count = 0; count < times; count++) analytics.track({ event: 'Seen' });
  };
  await serverWith(own(readers), handle, { trustProxy });

  expect(await eventsOf({ headers: { 'x-forwarded-for': '203.0.113.7' } })).toEqual([]);
  expect(readers.identify).not.toHaveBeenCalled();
  expect(readers.context).not.toHaveBeenCalled();
  expect(trustProxy).not.toHaveBeenCalled();

  times = 1;
  expect(await eventsOf({ headers: { 'x-forwarded-for': '203.0.113.7' } })).toHaveLength(1);
  const looks = trustProxy.mock.calls.length;
  expect(looks).toBeGreaterThan(0);

  times = 3;
  expect(await eventsOf({ headers: { 'x-forwarded-for': '203.0.113.7' } })).toHaveLength(1 + 3);
  expect(readers.identify).toHaveBeenCalledTimes(1 + 3);
  expect(readers.context).toHaveBeenCalledTimes(2);
  expect(trustProxy).toHaveBeenCalledTimes(2 * looks);
});

describe('a mistake', () => {
  /** Returns what a call on a request throws. */
  async function thrown(
    call: (analytics: RequestAnalytics) => unknown,
    identify: RequestReaders['identify'] = () => ({ userId: 'user-1' }),
  ): Promise<unknown> {
    let error: unknown;
    await serverWith(own({ identify }), ({ analytics }) => {
      try {
        call(analytics);
      } catch (caught) {
        error = caught;
      }
    });
    expect(await eventsOf()).toEqual([]);
    await app.close();
    return error;
  }

  test('in the call throws what the client would throw', async () => {
    // @ts-expect-error There is no event.
    expect(await thrown((analytics) => analytics.track({ properties: {} }))).toMatchObject({
      code: 'invalid_event',
      message: 'track(): event must be a non-empty string; got undefined',
    });
    // @ts-expect-error No object.
    expect(await thrown((analytics) => analytics.track('Seen'))).toMatchObject({
      message: "track() takes an object of fields; got 'Seen'",
    });
    // @ts-expect-error No object.
    expect(await thrown((analytics) => analytics.track({ event: 'Seen', context: 'here' }))).toMatchObject({
      message: "track(): context must be an object; got 'here'",
    });
  });

  test('of having no user throws, and the message mentions identify', async () => {
    const track = (analytics: RequestAnalytics): unknown => analytics.track({ event: 'Seen' });
    expect(await thrown(track, () => undefined)).toMatchObject({
      name: 'ValidationError',
      code: 'invalid_event',
      message: 'track() needs a userId or an anonymousId; got neither, and identify returned neither',
    });
    const alias = (analytics: RequestAnalytics): unknown => analytics.alias({ previousId: 'visitor' });
    expect(await thrown(alias, () => ({ anonymousId: 'visitor' }))).toMatchObject({
      message: 'alias() needs a userId; got none, and identify returned none',
    });
  });

  // An unhandled rejection would fail the run.
  test('of an asynchronous identify throws, and its rejection is handled', async () => {
    const track = (analytics: RequestAnalytics): unknown => analytics.track({ event: 'Seen' });
    // @ts-expect-error A Promise.
    expect(await thrown(track, () => Promise.reject(new Error('no database')))).toMatchObject({
      message: 'identify must return ids synchronously; got a Promise',
    });
  });

  test.each<[string, RequestReaders & { event?: object }]>([
    ['identify', { identify: explode }],
    ['context', { context: explode }],
    [
      'a getter of the event',
      { event: Object.defineProperty({}, 'event', { get: explode, enumerable: true }) },
    ],
  ])(
    'that makes %s throw causes the event to be refused and reported; the request is answered',
    async (_, given) => {
      const errors: AnalyticsError[] = [];
      const { event = { event: 'Seen' }, ...readers } = given;
      await serverWith(own({ onError: (error) => errors.push(error), ...readers }), ({ analytics }) =>
        analytics.track(event as { event: string }),
      );
      const answer = await app.inject('/');
      expect([answer.statusCode, answer.json()]).toEqual([200, { result: false }]);
      expect(errors).toMatchObject([{ code: 'unserializable', cause: { message: 'It exploded' } }]);
      expect(app.analytics.stats()).toMatchObject({ accepted: 0, refused: { unserializable: 1 } });
    },
  );

  function explode(): never {
    throw new Error('It exploded');
  }

  test.each<[string, object, string]>([
    ['an unknown name', { writeKey: 'KEY', flushTimeuot: 1 }, "There is no setting 'flushTimeuot'"],
    ['no write key', {}, "Setting 'writeKey' must be the write key"],
    [
      'an identify that is not a function',
      { writeKey: 'KEY', identify: {} },
      "Option 'identify' must be a function",
    ],
    [
      'a client and settings',
      { client: new Analytics({ writeKey: 'KEY' }), batchSize: 1 },
      "Give the plugin a client or the settings of one, not both; got a client and 'batchSize'",
    ],
  ])('in the options, like %s, throws when the plugin is registered', async (_, options, message) => {
    await expect(serverWith(options as FastifyAnalyticsOptions)).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'invalid_setting',
      message: expect.stringContaining(message),
    });
  });
});

describe('clients', () => {
  test('a client of the plugin is closed with the server, after the hooks of later plugins', async () => {
    await serverWith(own());
    app.addHook('onClose', async ({ analytics }) => {
      analytics.track({ userId: 'user-1', event: 'Server Closing' });
    });
    await app.close();
    expect(await api.events()).toMatchObject([{ event: 'Server Closing' }]);
    expect(app.analytics.track({ userId: 'user-1', event: 'Too Late' })).toBe(false);
  });

  test('a client that is passed in is flushed with the server, and stays open', async () => {
    const client = new Analytics({ writeKey: 'KEY', host: api.url });
    await serverWith({ client, identify: () => ({ userId: 'user-1' }) });
    expect(app.analytics).toBe(client);
    await app.inject('/');
    await app.close();
    expect(await api.events()).toMatchObject([{ event: 'Seen' }]);
    expect(client.track({ userId: 'user-1', event: 'Later' })).toBe(true);
    await client.close();
  });

  test('a client that is passed in is closed with the server if the options say so', async () => {
    const client = new Analytics({ writeKey: 'KEY', host: api.url });
    await serverWith({ client, closeClient: true, identify: () => ({ userId: 'user-1' }) });
    await app.inject('/');
    await app.close();
    expect(await api.events()).toMatchObject([{ event: 'Seen' }]);
    expect(client.track({ userId: 'user-1', event: 'Later' })).toBe(false);
  });

  test('a server waits for its client no longer than flushTimeout', async () => {
    await api.behave({ type: 'hang' });
    const errors: AnalyticsError[] = [];
    await serverWith(own({ flushTimeout: 200, onError: (error) => errors.push(error) }));
    await app.inject('/');
    await app.close();
    expect(errors).toMatchObject([{ code: 'closed', count: 1 }]);
  });

  test('two plugins have their own decorators, keys and readers', async () => {
    await serverWith(own(), ({ analytics, marketing }) => {
      analytics.track({ event: 'Seen' });
      marketing.track({ event: 'Campaign Opened' });
    });
    const identify = (): { anonymousId: string } => ({ anonymousId: 'visitor' });
    await app.register(fastifyAnalytics, own({ writeKey: 'OTHER', decorateAs: 'marketing', identify }));
    await app.inject('/');
    await app.close();
    const events = await api.events();
    expect(events.find(({ event }) => event === 'Seen')).toMatchObject({ userId: 'user-1' });
    expect(events.find(({ event }) => event === 'Campaign Opened')).toMatchObject({ anonymousId: 'visitor' });
    expect((await api.requests()).map(({ writeKey }) => writeKey).sort()).toEqual(['KEY', 'OTHER']);
  });

  test('a decorator name that exists is refused', async () => {
    await serverWith(own());
    await expect(app.register(fastifyAnalytics, own())).rejects.toMatchObject({
      code: 'FST_ERR_DEC_ALREADY_PRESENT',
    });
  });

  test('options that Fastify passes to every plugin are not settings', async () => {
    app = Fastify();
    await app.register(fastifyAnalytics, { ...own(), prefix: '/api', logLevel: 'error' });
    expect(app.analytics).toBeInstanceOf(Analytics);
  });
});

describe('errors', () => {
  const refuse = [{ type: 'answer', status: 401 } as const];

  test('are logged as warnings without the write key and the events', async () => {
    await api.script(refuse);
    const lines: string[] = [];
    const logger = { stream: { write: (line: string) => lines.push(line) } };
    await serverWith(own({ writeKey: 'SECRET_KEY' }), trackOne, { logger });
    await app.inject('/');
    await app.analytics.flushAsync();
    const warnings = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
    expect(warnings).toMatchObject([{ code: 'rejected', status: 401, count: 1, attempts: 1 }]);
    expect(warnings[0]).not.toHaveProperty('events');
    expect(lines.join()).not.toContain('SECRET_KEY');
    expect(lines.join()).not.toContain('user-1');
  });

  test('an outage is logged once when it begins and once when it ends', async () => {
    await api.script([
      { type: 'answer', status: 503, body: 'busy' },
      { type: 'answer', status: 500 },
      { type: 'ok' },
      { type: 'ok' },
      { type: 'answer', status: 502 },
    ]);
    const lines: string[] = [];
    const logger = { level: 'info', stream: { write: (line: string) => lines.push(line) } };
    app = Fastify({ logger, disableRequestLogging: true });
    const client = new Analytics({ writeKey: 'SECRET_KEY', host: api.url });
    await app.register(fastifyAnalytics, { client });
    await app.ready();
    const deliver = async (event: string): Promise<void> => {
      client.track({ userId: 'user-1', event });
      await client.flushAsync();
    };
    for (const event of ['One', 'Two', 'Three']) await deliver(event);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 40, count: 1, attempts: 1, status: 503, msg: expect.stringContaining('status 503, busy') },
      { level: 30 },
      { level: 40, status: 502 },
      { level: 30 },
    ]);
    expect(lines.join()).not.toContain('SECRET_KEY');

    await app.close();
    await api.script([{ type: 'answer', status: 503 }]);
    await deliver('Four');
    expect(lines).toHaveLength(4);
    await client.close();
  });

  test('are passed to onError if it exists, and then are not logged', async () => {
    await api.script(refuse);
    const lines: string[] = [];
    const errors: AnalyticsError[] = [];
    const logger = { level: 'warn', stream: { write: (line: string) => lines.push(line) } };
    await serverWith(own({ onError: (error) => errors.push(error) }), trackOne, { logger });
    await app.inject('/');
    await app.analytics.flushAsync();
    expect(errors).toMatchObject([{ code: 'rejected', status: 401 }]);
    expect(lines).toEqual([]);
  });
});

test.each(['@offthread/sdk', '@offthread/sdk/fastify'])(
  'importing %s does not load Fastify',
  async (name) => {
    const hooks = `export async function resolve(name, context, next) {
    if (/^fastify/.test(name)) throw new Error('loads ' + name);
    return next(name, context);
  }`;
    const code = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));
    await import('fastify').then(() => console.log('no hooks'), () => {});
    console.log(Object.keys(await import('${name}')).length > 0);`;
    const options = { cwd: fileURLToPath(new URL('../', import.meta.url)), timeout: 20_000 };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', code],
      options,
    );
    expect(stdout).toBe('true\n');
  },
);

// Load generator, server and API share this machine with other tests.
describe('a server that gets SIGTERM', { timeout: 60_000 }, () => {
  const fixture = new URL('../fixtures/fastify-plugin.mjs', import.meta.url);
  const agent = new Agent({ keepAlive: true });
  let far: TrackingApi;
  let server: OrderServer | undefined;

  beforeEach(async () => {
    // With the latency of a real API, so that events are waiting when the signal arrives.
    far = await startTrackingApi({ latencyMs: 50 });
  });

  afterEach(async () => {
    server?.child.kill('SIGKILL');
    agent.destroy();
    await far.close();
  });

  async function start(env: Record<string, string> = {}): Promise<OrderServer> {
    server = await serve(fixture, { ANALYTICS_HOST: far.url, ...env });
    return server;
  }

  test('under load delivers every event it accepted, and the event of every order it answered', async () => {
    const server = await start();
    const orders = await loadUntilSigterm(server, 1_500);
    expect(await server.end).toEqual([0, null]);

    const arrived = (await far.events()).map(({ properties }) => properties?.['orderId']);
    expect(arrived).toHaveLength(new Set(arrived).size);
    expect([...orders].filter((id) => !arrived.includes(id))).toEqual([]);
    expect(orders.size).toBeGreaterThanOrEqual(1_500);
    const { stats } = server.report;
    expect(stats).toMatchObject({ accepted: arrived.length, delivered: arrived.length, pending: 0 });
  });

  test('answers requests in flight, and is not delayed by keep-alive connections', async () => {
    const server = await start({ WORK_MS: '100' });
    const placed = Array.from({ length: 5 }, () => placeOrder(server.url, agent));
    await Promise.all(placed.map(({ inFlight }) => inFlight));
    server.child.kill('SIGTERM');

    const orders = await Promise.all(placed.map(({ answer }) => answer()));
    expect(orders.map(({ status, connection }) => [status, connection])).toEqual(
      Array(5).fill([201, 'close']),
    );
    // Within the 20 s of close-with-grace, after which it would end with code 1.
    expect(await server.end).toEqual([0, null]);
    const arrived = (await far.events()).map(({ properties }) => properties?.['orderId']);
    expect(arrived.sort()).toEqual(orders.map(({ orderId }) => orderId).sort());
  });

  test('completes a response that had begun, and closes its connection', async () => {
    const server = await start();
    const signal = AbortSignal.timeout(20_000);
    const sent = get(`${server.url}/export`, { agent, signal });
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    server.child.kill('SIGTERM');
    let text = '';
    for await (const piece of response) text += piece;
    expect(text).toBe('first\nlast\n');
    // Its headers were sent before the signal arrived.
    expect(response.headers.connection).toBe('keep-alive');
    expect(await server.end).toEqual([0, null]);
    expect(await far.events()).toMatchObject([{ event: 'Export Read' }]);
  });
});

test('an HTTP/2 server answers requests in flight when it closes, without a warning', async () => {
  const warnings: Error[] = [];
  const listener = (warning: Error): unknown => warnings.push(warning);
  process.on('warning', listener);
  const server = Fastify({ http2: true });
  await server.register(fastifyAnalytics, own());
  server.get('/', async ({ analytics }) => {
    void server.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return { result: analytics.track({ event: 'Seen' }) };
  });
  const session = connect(await server.listen({ host: '127.0.0.1', port: 0 }));
  try {
    const stream = session.request({ ':path': '/' });
    let text = '';
    for await (const piece of stream.setEncoding('utf8')) text += piece;
    expect(JSON.parse(text)).toEqual({ result: true });
    session.close();
    await server.close();
    expect(warnings).toEqual([]);
    expect(await api.events()).toMatchObject([{ event: 'Seen' }]);
  } finally {
    session.destroy();
    process.removeListener('warning', listener);
  }
});
