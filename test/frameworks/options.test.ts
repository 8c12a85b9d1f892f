// The functions of the framework entries: what they refuse, and how they are loaded.
import { execFile } from 'node:child_process';
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FactoryProvider, Logger } from '@nestjs/common';
import { Analytics } from '@offthread/sdk';
import { expressAnalytics } from '@offthread/sdk/express';
import { honoAnalytics } from '@offthread/sdk/hono';
import { koaAnalytics } from '@offthread/sdk/koa';
import { AnalyticsModule, RequestAnalytics } from '@offthread/sdk/nestjs';
import { nextAnalytics } from '@offthread/sdk/next';
import { describe, expect, test, vi } from 'vitest';

const analytics = new Analytics({ writeKey: 'KEY', disable: true });

describe.each([
  ['expressAnalytics', expressAnalytics],
  ['koaAnalytics', koaAnalytics],
  ['honoAnalytics', honoAnalytics],
])('%s()', (name, middleware) => {
  const refused = (...args: unknown[]): unknown => {
    try {
      return Reflect.apply(middleware, undefined, args);
    } catch (error) {
      return error;
    }
  };

  test('needs a client', () => {
    expect(refused({ writeKey: 'KEY' })).toMatchObject({
      code: 'invalid_setting',
      message: `${name}() takes a client first, then options; got an object`,
    });
  });

  test.each([
    [{ identity: () => undefined }, `${name}() has no option 'identity'; did you mean 'identify'?`],
    [{ identify: 'user-1' }, "Option 'identify' must be a function; got 'user-1'"],
    [{ context: {} }, "Option 'context' must be a function; got an object"],
    [{ withContext: 'yes' }, "Option 'withContext' must be true or false; got 'yes'"],
    [{ decorateAs: '' }, "Option 'decorateAs' must be a non-empty string; got an empty string"],
  ])('refuses %o', (options, message) => {
    expect(refused(analytics, options)).toMatchObject({ code: 'invalid_setting', message });
  });
});

describe('nextAnalytics()', () => {
  test('returns the same client for the same write key, and another for another', () => {
    const { client } = nextAnalytics({ writeKey: 'A', disable: true });
    expect(nextAnalytics({ writeKey: 'A', disable: true }).client).toBe(client);
    expect(nextAnalytics({ writeKey: 'B', disable: true }).client).not.toBe(client);
  });

  test('refuses what is not a request, and says how to track where there is none', () => {
    const { of } = nextAnalytics({ writeKey: 'A', disable: true });
    expect(() => Reflect.apply(of, undefined, [{}])).toThrow(
      'of() takes a request, or { headers: await headers() }; got an object',
    );
  });

  test('refuses an `after` that is not a function', () => {
    expect(() => Reflect.apply(nextAnalytics, undefined, [{ writeKey: 'A', after: true }])).toThrow(
      "Option 'after' must be `after` of next/server; got true",
    );
  });
});

describe('AnalyticsModule', () => {
  test('logs errors also if the setting onError is undefined', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { providers = [] } = AnalyticsModule.forRoot({ writeKey: 'A', disable: true, onError: undefined });
    const [state] = providers as FactoryProvider<{ client: Analytics }>[];
    const { client } = Object(await state?.useFactory());
    expect(client.track({ userId: 'user-1', event: 'Large', properties: { x: 'x'.repeat(40_000) } })).toBe(
      false,
    );
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/^event_too_large: /)]]);
    warn.mockRestore();
  });

  test('RequestAnalytics() says that it needs an HTTP request, if there is none', () => {
    class Resolver {
      shop(): void {}
    }
    RequestAnalytics()(Resolver.prototype, 'shop', 0);
    const [parameter] = Object.values<{ factory(data: unknown, context: object): unknown }>(
      Reflect.getMetadata('__routeArguments__', Resolver, 'shop'),
    );
    const context = { switchToHttp: () => ({ getRequest: () => undefined }) };
    expect(() => parameter?.factory(undefined, context)).toThrow(
      'RequestAnalytics() needs AnalyticsModule and an HTTP request',
    );
  });
});

test('each entry can be required', async () => {
  const file = fileURLToPath(new URL('../fixtures/frameworks/require.cjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
  expect(JSON.parse(stdout)).toEqual({
    compat: expect.arrayContaining(['Analytics', 'Context']),
    express: ['closeServer', 'expressAnalytics'],
    fastify: ['fastifyAnalytics'],
    hono: ['closeServer', 'honoAnalytics'],
    koa: ['closeServer', 'koaAnalytics'],
    nestjs: ['AnalyticsModule', 'RequestAnalytics'],
    next: ['nextAnalytics'],
  });
});
