// The programs in examples/, started as their README says.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

let api: TrackingApi;
let child: ChildProcess | undefined;

beforeAll(async () => {
  api = await startTrackingApi();
});

afterEach(() => child?.kill('SIGKILL'));

afterAll(() => api.close());

/** Runs a script of an example. It must be a plain call of Node.js, because npm wouldn't pass the signal on. */
function start(example: string, script: string, env: Record<string, string>): ChildProcess {
  const cwd = fileURLToPath(new URL(`../../examples/${example}/`, import.meta.url));
  const { scripts } = JSON.parse(readFileSync(`${cwd}package.json`, 'utf8'));
  const [command, ...args] = scripts[script].split(' ');
  expect(command).toBe('node');
  child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 2],
  });
  return child;
}

test('examples/fastify distinguishes visitors and users, and delivers all events on SIGTERM', async () => {
  const server = start('fastify', 'start', { PORT: '0', ANALYTICS_HOST: api.url });
  const end = once(server, 'exit', { signal: AbortSignal.timeout(20_000) });
  if (server.stdout === null) throw new Error('no stdout');
  const log: { level: number; msg: string }[] = [];
  const lines = createInterface(server.stdout).on('line', (line) => log.push(JSON.parse(line)));
  const listening = (): string | undefined =>
    log.map(({ msg }) => /^Server listening at (http:\/\/127\S+)/.exec(msg)?.[1]).find(Boolean);
  while (!listening()) await once(lines, 'line', { signal: AbortSignal.timeout(20_000) });
  const url = listening();

  const home = await fetch(`${url}/`, { headers: { 'accept-language': 'eo', 'user-agent': 'curl' } });
  expect(await home.json()).toEqual({ hello: 'world' });
  const [cookie = ''] = home.headers.getSetCookie();
  const visitor = /^visitor=([\w-]+);/.exec(cookie)?.[1];
  const signUp = await fetch(`${url}/sign-up`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `visitor=${visitor}` },
    body: JSON.stringify({ email: 'pat@example.com' }),
  });
  expect(signUp.status).toBe(201);
  const { userId } = (await signUp.json()) as { userId: string };
  server.kill('SIGTERM');
  expect(await end).toEqual([0, null]);

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
  // Only Fastify's own log lines about requests.
  expect(log.filter(({ level }) => level > 30)).toEqual([]);
});
