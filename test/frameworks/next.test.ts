// nextAnalytics() with requests as Next.js passes them. test/docs/examples.test.ts runs it in a real app.
import { setTimeout as sleep } from 'node:timers/promises';
import { type NextAnalyticsOptions, type NextRequestLike, nextAnalytics } from '@offthread/sdk/next';
import { expect, test } from 'vitest';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();
let clients = 0;

/** A client of its own: calls with one write key share a client. */
function open<Request extends NextRequestLike>(more: Partial<NextAnalyticsOptions<Request>> = {}) {
  const identify = ({ headers }: Request) => ({ userId: headers.get('x-user-id') ?? 'nobody' });
  return nextAnalytics<Request>({
    writeKey: `KEY-${++clients}`,
    host: bench.api.url,
    flushOnExit: false,
    identify,
    ...more,
  });
}

/** A request as `next start` passes it: with the address of the server in its URL, and what the client sent in headers. */
function request(path: string, headers: Record<string, string> = {}): Request {
  return new Request(`http://localhost:3000${path}`, {
    headers: {
      host: 'shop.example',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.7, 10.0.0.1',
      'user-agent': 'Browser/1.0',
      'accept-language': 'de-CH,de;q=0.9',
      'x-request-id': 'request-1',
      'x-user-id': 'user-1',
      ...headers,
    },
  });
}

test('an event has ids and context of its request, by the headers of the proxy', async () => {
  const { client, of } = open<Request>();
  of(request('/shoes?size=42', { referer: 'https://search.example/' })).track({ event: 'Seen' });
  await client.close();
  const [event] = await bench.api.events();
  expect(event).toMatchObject({ userId: 'user-1', event: 'Seen' });
  const { library: _, ...context } = Object(event?.context);
  expect(context).toEqual({
    ip: '203.0.113.7',
    userAgent: 'Browser/1.0',
    locale: 'de-CH',
    page: {
      url: 'https://shop.example/shoes?size=42',
      path: '/shoes',
      search: '?size=42',
      referrer: 'https://search.example/',
    },
    requestId: 'request-1',
  });
});

test('where there are only headers, as in a server action, the page has only the referrer', async () => {
  const { client, of } = open();
  of({ headers: request('/', { referer: 'https://shop.example/cart' }).headers }).track({ event: 'Seen' });
  await client.close();
  const [event] = await bench.api.events();
  expect(event?.context).toMatchObject({ ip: '203.0.113.7', userAgent: 'Browser/1.0' });
  expect(Object(event?.context)['page']).toEqual({ referrer: 'https://shop.example/cart' });
});

test('an event without an id throws, and the message says what identify has returned', async () => {
  const unknown = open<Request>({ identify: () => ({ userId: undefined, anonymousId: null }) });
  const without = open<Request>({ identify: undefined });
  const track = (of: typeof unknown.of) => of(request('/')).track({ event: 'Seen' });
  const needs = 'track() needs a userId or an anonymousId; got neither, and';
  expect(() => track(unknown.of)).toThrow(`${needs} identify returned neither`);
  expect(() => track(without.of)).toThrow(`${needs} there is no option 'identify'`);
  for (const { client } of [unknown, without]) await client.close();
});

test('route() passes everything on, and events of the client inherit nothing', async () => {
  const { client, route } = open<Request>();
  const handler = route(async (given: Request, context: { params: { id: string } }) => {
    await sleep(1);
    expect(() => client.track({ event: 'Deep' } as never)).toThrow(/userId/);
    return `${new URL(given.url).pathname} ${context.params.id}`;
  });
  expect(await handler(request('/orders'), { params: { id: '7' } })).toBe('/orders 7');
  await client.close();
});

test('with withContext, events of the client inherit ids and context of the request, each of its own', async () => {
  const { client, route } = open<Request>({ withContext: true });
  const handler = route(async (_: Request, ms: number) => {
    await sleep(ms);
    return client.track({ event: 'Deep' } as never);
  });
  const users = ['a', 'b', 'c'];
  const made = users.map((user, i) => handler(request(`/${user}`, { 'x-user-id': user }), 30 - 10 * i));
  expect(await Promise.all(made)).toEqual([true, true, true]);
  await client.close();
  const events = (await bench.api.events()).map(({ userId, context }) => [
    userId,
    Object(context)['page'].path,
  ]);
  expect(events.sort()).toEqual(users.map((user) => [user, `/${user}`]));
});

test('with after, events are delivered after the response', async () => {
  const tasks: (() => Promise<unknown>)[] = [];
  const { client, of, route } = open<Request>({ after: (task) => tasks.push(task) });
  const handler = route((given: Request) => {
    of(given).track({ event: 'Seen' });
    return 'ok';
  });
  expect(handler(request('/'))).toBe('ok');
  expect(tasks).toHaveLength(1);
  for (const task of tasks) expect(await task()).toMatchObject({ status: 'ok' });
  expect(await bench.api.counts()).toMatchObject({ events: 1 });
  await client.close();
});
