// Compiler errors for programs that use the SDK: a mistake is reported at the wrong field, and the types are found with
// every module resolution.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMPILERS, type Compiler, compile } from '../helpers/compile.js';
import { root } from '../helpers/markdown.js';

/** For a compiler that starts on a busy machine. */
const LIMIT = { timeout: 60_000 };

const compilers = Object.keys(COMPILERS) as Compiler[];

const HEAD = `
import { Analytics } from '@offthread/sdk';
interface Events { 'Order Completed': { revenue: number }; 'Cart Viewed': { items?: number } }
const analytics = new Analytics<Events>({ writeKey: 'KEY' });
declare const maybe: string | undefined;
declare const nullable: string | number | null | undefined;
`;

/** The last line of the error for each line of a program, by line. */
async function blamed(compiler: Compiler, lines: readonly string[]): Promise<(string | undefined)[]> {
  const output = await compile(compiler, `${HEAD}${lines.join('\n')}\n`, {
    exactOptionalPropertyTypes: true,
  });
  const first = HEAD.split('\n').length;
  const said = new Map<number, string>();
  let line = 0;
  for (const text of output.trim().split('\n')) {
    line = Number(/^program\.ts\((\d+),/.exec(text)?.[1] ?? line);
    said.set(line, `${said.get(line) ?? ''}\n${text}`);
  }
  return lines.map((_, index) => said.get(first + index));
}

describe.each(compilers)('%s', (compiler) => {
  test('reports the missing field', LIMIT, async () => {
    const programs: [field: string, program: string][] = [
      ['properties', `analytics.track({ userId: 'u', event: 'Order Completed' });`],
      ['properties', `analytics.track({ anonymousId: 'a', event: 'Order Completed' });`],
      ['properties', `analytics.track({ userId: 'u', anonymousId: 'a', event: 'Order Completed' });`],
      ['event', `analytics.track({ userId: 'u' });`],
      ['userId', `analytics.track({ event: 'Cart Viewed' });`],
      ['name', `analytics.page({ userId: 'u', category: 'Docs' });`],
      ['name', `analytics.page({ anonymousId: 'a', category: 'Docs' });`],
      ['groupId', `analytics.group({ userId: 'u' });`],
      ['groupId', `analytics.group({ anonymousId: 'a' });`],
      ['previousId', `analytics.alias({ userId: 'u' });`],
    ];
    const said = await blamed(
      compiler,
      programs.map(([, program]) => program),
    );
    for (const [index, [field, program]] of programs.entries()) {
      expect(said[index], program).toContain(`Property '${field}' is missing in type`);
    }
  });

  test('refuses a page that may have a category without a name', LIMIT, async () => {
    const programs = [
      `analytics.page({ userId: 'u', category: 'Docs', name: undefined });`,
      `analytics.page({ userId: 'u', category: 'Docs', name: null });`,
      `analytics.page({ userId: 'u', category: 'Docs', name: maybe });`,
      `analytics.withContext({ userId: 'u' }, (scoped) => scoped.page({ category: 'Docs' }));`,
    ];
    for (const said of await blamed(compiler, programs)) expect(said).toContain('name');
  });

  test('accepts what may be sent', LIMIT, async () => {
    const programs = [
      `analytics.track({ userId: nullable, anonymousId: 'a', event: 'Cart Viewed' });`,
      `analytics.track({ userId: 'u', anonymousId: nullable, event: 'Cart Viewed', properties: null });`,
      `declare const ids: { userId?: string | null; anonymousId: string };`,
      `analytics.track({ ...ids, event: 'Order Completed', properties: { revenue: 1 } });`,
      `analytics.page({ ...ids, name: maybe });`,
      `analytics.page({ ...ids, name: 'Home', category: maybe });`,
      `analytics.page({ userId: 'u' });`,
      `analytics.page({ userId: 'u', name: maybe, category: null });`,
      `analytics.screen({ userId: 'u', category: 'Docs' });`,
      `analytics.withContext({ userId: 'u' }, (scoped) => scoped.page({ name: 'Home', category: 'Docs' }));`,
      `analytics.withContext({ userId: 'u' }, (scoped) => scoped.page({}));`,
      `analytics.withContext({ userId: maybe, anonymousId: maybe }, (scoped) => scoped.page({}));`,
    ];
    expect(await blamed(compiler, programs)).toEqual(programs.map(() => undefined));
  });
});

describe('the option identify of a framework', () => {
  const READERS = `
import { Analytics, type Ids } from '@offthread/sdk';
import { expressAnalytics } from '@offthread/sdk/express';
import type { FastifyAnalyticsOptions } from '@offthread/sdk/fastify';
import { honoAnalytics } from '@offthread/sdk/hono';
import { koaAnalytics } from '@offthread/sdk/koa';
import { AnalyticsModule } from '@offthread/sdk/nestjs';
import { nextAnalytics } from '@offthread/sdk/next';

const analytics = new Analytics({ writeKey: 'KEY' });
const settings = { writeKey: 'KEY', disable: true };
declare const session: { user?: { id: string }; visitor: string | undefined };
const ids = (): Ids => ({ userId: session.user?.id, anonymousId: session.visitor });
expressAnalytics(analytics, { identify: (request) => ({ userId: request.get('x-user-id') }) });
koaAnalytics(analytics, { identify: (ctx) => ({ userId: session.user?.id, anonymousId: ctx.cookies.get('visitor') }) });
honoAnalytics(analytics, { identify: (c) => (session.user ? ids() : { anonymousId: c.req.header('x-visitor') }) });
nextAnalytics({ ...settings, identify: ({ headers }) => ({ userId: headers.get('x-user-id') }) });
AnalyticsModule.forRoot({ ...settings, identify: () => ({ userId: session.user?.id }) });
const fastify: FastifyAnalyticsOptions = { ...settings, identify: ({ id }) => ({ userId: session.user?.id, anonymousId: id }) };
fastify.identify satisfies unknown;
// @ts-expect-error: no id
expressAnalytics(analytics, { identify: () => ({ user: 'user-1' }) });
// @ts-expect-error: an id is no object
koaAnalytics(analytics, { identify: () => ({ userId: session.user }) });
// @ts-expect-error: not a promise
honoAnalytics(analytics, { identify: async () => ids() });
`;

  test.each([false, true])(
    'may return ids that are unknown, with exact types: %s',
    LIMIT,
    async (isExact) => {
      expect(await compile('TypeScript 7', READERS, { exactOptionalPropertyTypes: isExact })).toBe('');
    },
  );

  test('has the same types with NestJS 11', LIMIT, async () => {
    const paths = { '@nestjs/common': [join(root, 'test/nestjs-11/node_modules/@nestjs/common')] };
    expect(await compile('TypeScript 7', READERS, { paths })).toBe('');
  });
});

describe('the matchers for Vitest', () => {
  const use = (expect: string): string => `
import { createTestAnalytics } from '@offthread/sdk/testing';
import { matchers } from '@offthread/sdk/testing/vitest';
${expect}
expect.extend(matchers);
expect(createTestAnalytics()).toHaveTracked('Order Completed', { revenue: 1 });
expect(createTestAnalytics()).not.toHaveIdentified(7n);
// @ts-expect-error: a name is a string
expect(createTestAnalytics()).toHaveTracked(1);
`;

  test.each(compilers)('4 are typed: %s', LIMIT, async (compiler) => {
    expect(await compile(compiler, use(`import { expect } from 'vitest';`))).toBe('');
  });

  test.each(compilers)('5 are typed, and its declarations stay in order: %s', LIMIT, async (compiler) => {
    const program = use(`import type { ExpectStatic } from 'vitest';\ndeclare const expect: ExpectStatic;`);
    const paths = { vitest: ['./node_modules/vitest-expect-5/dist/index.d.ts'] };
    const said = await compile(compiler, program, { paths, skipLibCheck: false });
    const ours = said.split('\n').filter((line) => /^program|offthread|Matchers/.test(line));
    expect(ours).toEqual([]);
  });
});

describe('in CommonJS', () => {
  const PROGRAM = `import { Analytics } from '@offthread/sdk';\nnew Analytics({ writeKey: 'KEY' });\n`;

  test('module: nodenext and node20 accept an import', LIMIT, async () => {
    for (const module of ['NodeNext', 'Node20']) {
      for (const compiler of compilers) {
        expect(await compile(compiler, PROGRAM, { module }, 'commonjs'), `${compiler} ${module}`).toBe('');
      }
    }
  });

  test('module: node16 refuses it, but accepts import() and types, as documented', LIMIT, async () => {
    const options = { module: 'Node16' };
    expect(await compile('TypeScript 5', PROGRAM, options, 'commonjs')).toContain('TS1479');
    const program = `
import type { Analytics } from '@offthread/sdk' with { 'resolution-mode': 'import' };
export async function open(): Promise<Analytics> {
  const { Analytics } = await import('@offthread/sdk');
  return new Analytics({ writeKey: 'KEY' });
}
`;
    expect(await compile('TypeScript 5', program, options, 'commonjs')).toBe('');
  });
});

describe('with moduleResolution: node10', () => {
  test('the types of every entry are found', LIMIT, async () => {
    const entries = ['', '/fastify', '/testing', '/testing/vitest', '/testing/jest', '/ecommerce'];
    const names = [...entries.map((entry) => `@offthread/sdk${entry}`), '@offthread/devtools'];
    const imports = names.map((name, index) => `export * as entry${index} from '${name}';`);
    const options = { module: 'CommonJS', moduleResolution: 'Node10' };
    expect(await compile('TypeScript 5', imports.join('\n'), options, 'commonjs')).toBe('');
  });

  test('they are the real ones', LIMIT, async () => {
    const program = `
import { Analytics } from '@offthread/sdk';
// @ts-expect-error: no write key
new Analytics({});
`;
    const options = { module: 'CommonJS', moduleResolution: 'Node10' };
    expect(await compile('TypeScript 5', program, options, 'commonjs')).toBe('');
  });
});
