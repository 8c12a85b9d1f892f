// The examples in the README files and in docs/ type-check, run, and do what the text says. docs.test.ts checks links
// and tables.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { filesIn, root } from '../helpers/markdown.js';
import { startProxy } from '../helpers/middlebox.js';
import { TokenServer } from '../helpers/token-server.js';

const run = promisify(execFile);

/** A block of JavaScript. `place` is its file and line. */
interface Example {
  place: string;
  code: string;
}

const examples = ['README.md', ...filesIn('packages'), ...filesIn('docs'), ...filesIn('examples')].flatMap(
  examplesOf,
);
const folder = mkdtempSync(join(tmpdir(), 'offthread-readme-'));
let api: TrackingApi;
let proxy: Awaited<ReturnType<typeof startProxy>>;

beforeAll(async () => {
  api = await startTrackingApi();
  proxy = await startProxy({ auth: 'user:password' });
  const { cert, key } = selfSigned();
  writeFileSync(join(folder, 'internal-ca.pem'), cert);
  writeFileSync(join(folder, 'client.pem'), cert);
  writeFileSync(join(folder, 'client.key'), key);
  // The examples find packages where the tests do.
  symlinkSync(join(root, 'test/node_modules'), join(folder, 'node_modules'));
});

beforeEach(() => api.reset());

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await api.close();
  rmSync(folder, { recursive: true });
});

function examplesOf(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/^```(?:js|ts)\n(.*?)^```/gms)].map((match) => ({
    place: `${file}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1] ?? '',
  }));
}

/** The only example that contains these words. */
function example(words: string): Example {
  const found = examples.filter(({ code }) => code.includes(words));
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} examples with ${words}`);
  return first;
}

/** The example as a complete program, with a client if it assumes one. */
function whole({ code }: Example): string {
  if (code.includes('export const handler')) return `${code}\nawait handler();`;
  if (!/\banalytics\./.test(code) || code.includes('const analytics =')) return code;
  const client = "const analytics = new Analytics({ writeKey: 'YOUR_WRITE_KEY', onError: console.error });";
  return `import { Analytics } from '@offthread/sdk';\n${client}\n${code}`;
}

/** The program with the local Tracking API instead of Segment's, and with this test's proxy and certificates. */
function local(code: string): string {
  return code
    .replaceAll(/^ *host: '.*',\n/gm, '')
    .replaceAll(/writeKey: '\w*_KEY'/g, `$&, host: '${api.url}'`)
    .replaceAll('proxy.example:3128', `127.0.0.1:${proxy.port}`)
    .replaceAll(/'\/.*\/(.*\.(?:pem|key))'/g, "'$1'");
}

function write(name: string, code: string): string {
  const file = join(folder, name);
  writeFileSync(file, code);
  return file;
}

/** Runs a program and waits until it ends. Rejects if it fails. */
async function finish(code: string): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [write('example.mjs', local(code))], {
    cwd: folder,
    env: { ...process.env, ANALYTICS_HOST: api.url },
    timeout: 20_000,
  });
}

describe('examples', () => {
  test('all type-check against the built packages', async () => {
    const files = examples.map((each, index) => write(`example-${index}.mts`, whole(each)));
    const config = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        composite: false,
        // Otherwise the types of exports would have to be written out.
        declaration: false,
        declarationMap: false,
        noEmit: true,
        rootDir: folder,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files,
    };
    const options = ['-p', write('tsconfig.json', JSON.stringify(config)), '--pretty', 'false'];
    const { stdout } = await run(join(root, 'node_modules/.bin/tsc'), options, { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    const places = stdout.replaceAll(
      /^.*example-(\d+)\.mts/gm,
      (_, index) => examples[index]?.place ?? index,
    );
    expect(places).toBe('');
  });

  // Excluded: regions have their own hosts, servers and OAuth have their own tests below, functions of platforms have
  // theirs in test/serverless, Vitest runs no file outside of its folder, Node.js 20 can't run types, and the input of
  // esbuild doesn't exist here (test/package/package.test.ts bundles).
  const complete = examples.filter(
    ({ code }) =>
      !/region:|oauth:|listen\(|serve\(|from '(vitest|esbuild|@vercel\/functions|@google-cloud\/.*)'|declare module|interface/.test(
        code,
      ),
  );
  test.each(complete)('$place runs, delivers what it tracks and reports no error', async (each) => {
    const { stderr } = await finish(whole(each));
    expect(stderr).toBe('');
    // Some start their own API, and one has nothing to resend.
    if (/startTrackingApi|createTestAnalytics|failed-events\.jsonl'\s*;/.test(each.code)) return;
    const { events, refused } = await api.counts();
    expect(events).toBeGreaterThan(0);
    expect(refused).toBe(0);
  });

  test.each([
    ['of Fastify', 'listen({ port: 3000 })', 'app.server', { userId: 'user-1', event: 'Home Visited' }],
    ['of Express', 'expressAnalytics(', 'server', { userId: 'user-1', event: 'Home Visited' }],
    ['of Koa', 'koaAnalytics(', 'server', { userId: 'user-1', event: 'Home Visited' }],
    ['of Hono', 'honoAnalytics(', 'server', { userId: 'user-1', event: 'Home Visited' }],
    ['without a framework', "env['PORT']", 'server', { anonymousId: 'somebody', event: 'Page Served' }],
  ])('the server %s responds, and delivers on SIGTERM', async (_, words, name, event) => {
    const { code } = example(words);
    const url = `console.error('http://127.0.0.1:' + ${name}.address().port);`;
    const file = write('server.mjs', `${local(code).replace(/(port: |listen\()3000/, '$10')}\n${url}`);
    const server: ChildProcess = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      const end = once(server, 'exit', { signal: AbortSignal.timeout(20_000) });
      if (server.stderr === null) throw new Error('no stderr');
      const [line] = await once(server.stderr, 'data', { signal: AbortSignal.timeout(20_000) });
      const answer = await fetch(String(line).trim(), { headers: { 'x-user-id': 'user-1' } });
      expect(await answer.text()).toContain('hello');
      server.kill('SIGTERM');
      expect(await end).toEqual([0, null]);
    } finally {
      server.kill('SIGKILL');
    }
    expect(await api.events()).toMatchObject([event]);
  });

  test('the OAuth example gets a token and delivers with it', async () => {
    const server = await TokenServer.start(api.url);
    try {
      const { clientId, keyId, authServer } = server.oauth();
      write('private.pem', server.keys['key-1'].secret);
      const code = example('YOUR_KEY_ID')
        .code.replace('YOUR_APP_ID', clientId)
        .replace("'YOUR_KEY_ID'", `'${keyId}', authServer: '${authServer}'`);
      expect((await finish(code)).stderr).toBe('');
      const [token] = await server.tokens();
      const [request] = await api.requests();
      expect(request).toMatchObject({ headers: { authorization: `Bearer ${token}` }, eventCount: 1 });
    } finally {
      await server.close();
    }
  });

  test('events kept by onError are sent again as in the example', async () => {
    await api.script([{ type: 'answer', status: 403 }]);
    const { stderr } = await finish(example('appendFileSync(').code);
    expect(stderr).toContain('not delivered: rejected');
    const [failed] = (await api.requests()).flatMap(({ messageIds }) => messageIds);
    expect(await api.messageIds()).toEqual([]);

    await finish(whole(example('existsSync(file)')));
    expect(await api.messageIds()).toEqual([failed]);
    expect(existsSync(join(folder, 'failed-events.jsonl'))).toBe(false);
  });

  test('the serialization example is sent as its comment says', async () => {
    const { code } = example('decimal.js');
    await finish(whole({ place: '', code }));
    const [body = ''] = await Promise.all((await api.requests()).map(({ sequence }) => api.body(sequence)));
    const [userId, properties] = [...(/Sent: (".*?") and (".*)/.exec(code) ?? [])].slice(1);
    expect(body).toContain(userId);
    expect(body).toContain(properties);
  });

  test('the Prometheus example shows what happened to the event', async () => {
    const { stdout } = await finish(example("from 'prom-client'").code);
    expect(stdout).toContain('offthread_events_total{client="default",outcome="delivered",code=""} 1\n');
    expect(stdout).toContain('offthread_events_pending{client="default"} 0\n');
  });

  test('the OpenTelemetry example reports what happened to the event', async () => {
    const setUp = `import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader }
      from '@opentelemetry/sdk-metrics';
    import { metrics as api } from '@opentelemetry/api';
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
    api.setGlobalMeterProvider(provider);`;
    const report = `await provider.forceFlush();
    const reported = exporter.getMetrics().at(-1).scopeMetrics[0].metrics;
    console.log(JSON.stringify(Object.fromEntries(reported.map((each) => [each.descriptor.name,
      each.dataPoints.map(({ attributes, value }) => ({ ...attributes, value }))]))));
    await provider.shutdown();`;
    const { stdout } = await finish(`${setUp}\n${example('otelMetrics(analytics)').code}\n${report}`);
    expect(JSON.parse(stdout)).toMatchObject({
      'offthread.events': [
        { outcome: 'delivered', value: 1 },
        { outcome: 'failed', value: 0 },
        { outcome: 'left' },
      ],
      'offthread.retries': [{ value: 0 }],
      'offthread.events.pending': [{ value: 0 }],
    });
  });

  test('the example for the local Tracking API prints what its comment says', async () => {
    const { code } = example('// One 503, then as usual.');
    const { stdout } = await finish(code);
    expect(stdout.trim()).toBe(/console\.log\(.*\/\/ (.*)/.exec(code)?.[1]);
  });
});
