// The programs in examples/, started as their README says.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';

// Some examples are built first.
vi.setConfig({ testTimeout: 90_000 });

let api: TrackingApi;
let child: ChildProcess | undefined;

beforeAll(async () => {
  api = await startTrackingApi();
});

beforeEach(() => api.reset());

afterEach(() => child?.kill('SIGKILL'));

afterAll(() => api.close());

function scriptOf(example: string, script: string): { command: string; args: string[]; cwd: string } {
  const cwd = fileURLToPath(new URL(`../../examples/${example}/`, import.meta.url));
  const { scripts } = JSON.parse(readFileSync(`${cwd}package.json`, 'utf8'));
  const [command, ...args] = scripts[script].split(' ');
  return { command, args, cwd };
}

/** Runs a script of an example. It must be a plain call of Node.js, because npm wouldn't pass the signal on. */
function start(example: string, script: string, env: Record<string, string>): ChildProcess {
  const { command, args, cwd } = scriptOf(example, script);
  expect(command).toBe('node');
  child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 2],
  });
  return child;
}

/** The lines that a server prints to stdout, and the address in one of them. */
async function listening(server: ChildProcess): Promise<{ url: string; lines: string[] }> {
  if (server.stdout === null) throw new Error('no stdout');
  const lines: string[] = [];
  const input = createInterface(server.stdout).on('line', (line) => lines.push(line));
  const find = (): string | undefined =>
    lines.map((line) => /(?:listening at|Local:) +(http:\/\/[\w.]+:\d+)/.exec(line)?.[1]).find(Boolean);
  while (!find()) await once(input, 'line', { signal: AbortSignal.timeout(30_000) });
  return { url: find() ?? '', lines };
}

/** Visits the home page and signs up. Returns the visitor's cookie, if there is one, and the id of the new user. */
async function signUp(url: string): Promise<{ visitor: string | undefined; userId: string }> {
  const home = await fetch(`${url}/`, { headers: { 'accept-language': 'eo', 'user-agent': 'curl' } });
  expect(await home.text()).toContain('hello');
  const [cookie = ''] = home.headers.getSetCookie();
  const visitor = /^visitor=([\w-]+);/.exec(cookie)?.[1];
  const signedUp = await fetch(`${url}/sign-up`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `visitor=${visitor ?? 'somebody'}` },
    body: JSON.stringify({ email: 'pat@example.com' }),
  });
  expect(signedUp.status).toBe(201);
  const { userId } = (await signedUp.json()) as { userId: string };
  return { visitor, userId };
}

/** Begins to sign up. The server has accepted the request, and waits for its body, which the returned function sends. */
async function beginSignUp(
  url: string,
): Promise<() => Promise<{ status: number | undefined; userId: string }>> {
  const headers = { 'content-type': 'application/json', cookie: 'visitor=somebody', expect: '100-continue' };
  const signal = AbortSignal.timeout(30_000);
  const sent = request(`${url}/sign-up`, { method: 'POST', headers, signal });
  sent.flushHeaders();
  await once(sent, 'continue', { signal });
  return async () => {
    sent.end(JSON.stringify({ email: 'pat@example.com' }));
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    const { userId } = (await json(response)) as { userId: string };
    return { status: response.statusCode, userId };
  };
}

/** Runs a script that ends by itself. */
async function build(example: string, script: string): Promise<void> {
  const { command, args, cwd } = scriptOf(example, script);
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: undefined };
  await promisify(execFile)(`${cwd}node_modules/.bin/${command}`, args, { cwd, env, timeout: 200_000 });
}

test.each([
  ['express', [0, null]],
  ['fastify', [0, null]],
  ['hono', [0, null]],
  ['koa', [0, null]],
  // Nest raises the signal again, after its hooks.
  ['nestjs', [null, 'SIGTERM']],
])(
  'examples/%s distinguishes visitors and users, and delivers all events on SIGTERM',
  async (example, end) => {
    if (example === 'nestjs') await build(example, 'build');
    const server = start(example, 'start', { PORT: '0', ANALYTICS_HOST: api.url });
    const ended = once(server, 'exit', { signal: AbortSignal.timeout(50_000) });
    const { url, lines } = await listening(server);
    const { visitor, userId } = await signUp(url);
    server.kill('SIGTERM');
    expect(await ended).toEqual(end);

    expect(visitor).toEqual(expect.any(String));
    const both = { anonymousId: visitor, userId };
    expect(await api.events()).toMatchObject([
      {
        type: 'page',
        name: 'Home',
        anonymousId: visitor,
        context: { userAgent: 'curl', locale: 'eo', page: { path: '/' } },
      },
      { type: 'identify', traits: { email: 'pat@example.com' }, ...both },
      { type: 'track', event: 'Signed Up', ...both },
    ]);
    if (example !== 'fastify') return;
    // Only Fastify's own log lines about requests.
    expect(lines.filter((line) => JSON.parse(line).level > 30)).toEqual([]);
  },
);

test('examples/next tracks in a page, a route and the instrumentation hook, and answers and delivers on SIGTERM', async () => {
  await build('next', 'build');
  // No event of the build, which also renders pages.
  await api.reset();
  const server = start('next', 'start', { PORT: '0', ANALYTICS_HOST: api.url, NODE_ENV: 'production' });
  const ended = once(server, 'exit', { signal: AbortSignal.timeout(50_000) });
  const { url } = await listening(server);
  const home = await fetch(`${url}/`, { headers: { 'accept-language': 'eo', 'user-agent': 'curl' } });
  expect(await home.text()).toContain('hello');
  const finish = await beginSignUp(url);
  server.kill('SIGTERM');
  await sleep(300);
  const { status, userId } = await finish();
  expect(status).toBe(201);
  // 128 and the number of the signal.
  expect(await ended).toEqual([143, null]);

  const { host } = new URL(url);
  const address = expect.stringMatching(/^(::1|(::ffff:)?127\.0\.0\.1)$/);
  expect(await api.events()).toMatchObject([
    { event: 'Server Started', anonymousId: 'server' },
    {
      type: 'page',
      name: 'Home',
      anonymousId: 'unknown',
      context: { userAgent: 'curl', locale: 'eo', ip: address },
    },
    {
      type: 'identify',
      userId,
      anonymousId: 'somebody',
      context: { ip: address, page: { url: `http://${host}/sign-up`, path: '/sign-up' } },
    },
    { type: 'track', event: 'Signed Up', userId, anonymousId: 'somebody' },
  ]);
}, 240_000);
