// Programs that were written for @segment/analytics-node type-check with @offthread/sdk/compat, and mistakes don't.
import { describe, expect, test } from 'vitest';
import { COMPILERS, type Compiler, compile } from '../helpers/compile.js';

const PROGRAM = `
import {
  Analytics, Context, FetchHTTPClient,
  type AnalyticsSettings, type AliasParams, type GroupParams, type GroupTraits, type HTTPClient,
  type HTTPClientRequest, type HTTPFetchFn, type HTTPResponse, type IdentifyParams, type PageParams,
  type Plugin, type TrackParams, type UserTraits,
} from '@offthread/sdk/compat';

interface MyPlugin extends Plugin {}
class CustomClient implements HTTPClient {
  makeRequest = (_: HTTPClientRequest): Promise<HTTPResponse> => Promise.resolve({} as Response);
}
const settings: AnalyticsSettings = { writeKey: 'KEY', httpClient: new CustomClient(), flushAt: 20 };
const clients: AnalyticsSettings[] = [
  { writeKey: 'foo', httpClient: globalThis.fetch },
  { writeKey: 'foo', httpClient: new FetchHTTPClient() },
  { writeKey: 'foo', httpClient: new FetchHTTPClient(globalThis.fetch) },
];
const fetchFn: HTTPFetchFn = async () => ({ status: 200, statusText: 'OK' });
const analytics = new Analytics(settings);

interface Order { total: number }
const order: Order = { total: 3 };
const track: TrackParams = { userId: 'u', event: 'e', properties: order };
const identify: IdentifyParams = { anonymousId: 'a', traits: { email: 'pat@example.com' } satisfies UserTraits };
const group: GroupParams = { userId: 'u', groupId: 'g', traits: {} satisfies GroupTraits };
const page: PageParams = { userId: 'u', category: 'Docs' };
const alias: AliasParams = { userId: 'new', previousId: 'old' };
analytics.track(track, (error, ctx) => { if (!error) console.log(ctx?.event.properties?.['total']); });
analytics.identify(identify);
analytics.group(group);
analytics.page(page);
analytics.screen(page);
analytics.alias(alias);
analytics
  .on('error', ({ code, reason, ctx }) => console.log(code, reason, ctx?.event.type))
  .on('http_request', ({ url, method, headers, body }) => console.log(url, method, headers, body))
  .once('drained', () => {})
  .on('track', (ctx: Context) => ctx.updateEvent('properties.x', 1));
const plugin: MyPlugin = {
  name: 'x', type: 'enrichment', version: '1', isLoaded: () => true,
  load: async (ctx: Context, instance) => console.log(ctx.id, instance.VERSION),
  track: async (ctx) => ctx,
  page: (ctx) => ctx,
};
const done: Promise<void>[] = [
  analytics.register(plugin), analytics.deregister('x'), analytics.flush(), analytics.flush({ timeout: 1 }),
  analytics.closeAndFlush({ timeout: 1 }), analytics.ready,
];
const version: string = analytics.VERSION;
`;

const MISTAKES = `
import { Analytics } from '@offthread/sdk/compat';
const analytics = new Analytics({ writeKey: 'KEY' });
const method: 'track' | 'identify' | 'page' | 'screen' | 'group' = 'track';
// @ts-expect-error no id
analytics[method]({ event: 'foo' });
analytics[method]({ event: 'foo', userId: 'bar' });
analytics[method]({ event: 'foo', anonymousId: 'bar' });
analytics[method]({ event: 'foo', anonymousId: 'bar', userId: 'bar' });
// @ts-expect-error no userId
analytics.alias({ previousId: 'old' });
// @ts-expect-error anonymousId is not valid
analytics.alias({ anonymousId: 'old', previousId: 'foo' });
// @ts-expect-error read-only
analytics.VERSION = 'foo';
// @ts-expect-error not like fetch
new Analytics({ writeKey: 'foo', httpClient: {} as (url: string, init: { _bad?: string }) => unknown });
// @ts-expect-error no write key
new Analytics({});
`;

/** Calls with ids as servers have them, and whether they compile. */
const CALLS: readonly (readonly [call: string, isValid: boolean])[] = [
  [`analytics.identify({ userId: maybe, anonymousId: 'a', traits: {} });`, true],
  [`analytics.track({ event: 'e', userId: user?.id, anonymousId: cookie });`, true],
  [`analytics.page({ userId: 'u', anonymousId: maybe });`, true],
  [`analytics.group({ groupId: 'g', ...known });`, true],
  [`analytics.screen({ ...known, name: 'Home' });`, true],
  [`analytics.track({ event: 'e', userId: undefined, anonymousId: 'a' });`, true],
  [`analytics.identify(user ? { userId: user.id } : { anonymousId: cookie });`, true],
  // Both may be missing, which throws.
  [`analytics.identify({ userId: maybe });`, false],
  [`analytics.identify({ userId: maybe, anonymousId: maybe });`, false],
  [`analytics.track({ event: 'e', ...unknown });`, false],
  [`analytics.identify({});`, false],
  [`analytics.alias({ userId: maybe, previousId: 'p' });`, false],
];

/** Whether each call compiles with the class of a package. */
async function verdicts(from: string, exactOptionalPropertyTypes: boolean): Promise<boolean[]> {
  const head = `
import { Analytics } from '${from}';
const analytics = new Analytics({ writeKey: 'KEY' });
declare const maybe: string | undefined;
declare const cookie: string;
declare const user: { id: string } | undefined;
declare const known: { userId: string | undefined; anonymousId: string };
declare const unknown: { userId?: string | undefined; anonymousId?: string | undefined };
`;
  const program = head + CALLS.map(([call]) => call).join('\n');
  const output = await compile('TypeScript 7', program, { exactOptionalPropertyTypes });
  const first = head.split('\n').length;
  const refused = new Set(
    [...output.matchAll(/^program\.ts\((\d+),/gm)].map(([, line]) => Number(line) - first),
  );
  expect([...refused].filter((index) => index < 0)).toEqual([]);
  return CALLS.map((_, index) => !refused.has(index));
}

describe.each([true, false])('ids, with exactOptionalPropertyTypes: %s,', (isExact) => {
  test.each(['@segment/analytics-node', '@offthread/sdk/compat', '@offthread/sdk'])(
    'may be undefined in %s, unless both are',
    async (from) => {
      const expected = CALLS.map(([, isValid]) => isValid);
      expect(await verdicts(from, isExact)).toEqual(expected);
    },
  );
});

describe.each(Object.keys(COMPILERS) as Compiler[])('with %s', (compiler) => {
  test('a program for analytics-node compiles', async () => {
    expect(await compile(compiler, PROGRAM)).toBe('');
  });

  test('mistakes are found', async () => {
    expect(await compile(compiler, MISTAKES)).toBe('');
  });
});
