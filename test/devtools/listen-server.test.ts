// The live page as a program meets it: where it is served, and what it refuses to the web pages of others.
import { type ChildProcess, spawn } from 'node:child_process';
import { on } from 'node:events';
import { get, request } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { RemoteControl, startTrackingApi } from '@offthread/devtools';
import { afterEach, expect, test } from 'vitest';
import { batchOf, post } from '../helpers/raw-client.js';

const cli = fileURLToPath(
  new URL('bin/offthread.js', import.meta.resolve('@offthread/devtools/package.json')),
);
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** Runs `offthread listen` until it has said `lines` lines. */
async function listen(lines: number, ...args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [cli, 'listen', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  const said: string[] = [];
  const signal = AbortSignal.timeout(20_000);
  for await (const [line] of on(createInterface({ input: child.stdout }), 'line', { signal })) {
    said.push(String(line));
    if (said.length === lines) break;
  }
  return said;
}

/** A request with any headers, `Host` too, which fetch would not send. */
function ask(
  url: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false, signal: AbortSignal.timeout(20_000) };
    const sent = request(url, options, (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
      response.destroy();
    });
    sent.once('error', reject);
    sent.end();
  });
}

test('listen prints the address of the page, and serves it there', async () => {
  const [first, second] = await listen(2);
  const address = /Live page: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(second ?? '')?.[1];
  expect(address, second).toBeDefined();
  expect(first).toContain(address?.slice(0, -1));
  const reply = await fetch(String(address));
  expect(reply.status).toBe(200);
  expect(await reply.text()).toContain('<title>Offthread listen</title>');
});

test('listen --no-page names no page and serves none', async () => {
  const said = (await listen(2, '--no-page')).join('\n');
  expect(said).not.toContain('Live page');
  const address = /http:\S+/.exec(said)?.[0];
  expect((await fetch(`${address}/`)).status).toBe(404);
  expect((await fetch(`${address}/_offthread/stream`)).status).toBe(404);
  expect((await fetch(`${address}/_offthread/counts`)).status).toBe(200);
});

test('listen says of a request which retry it is', async () => {
  const [first] = await listen(2, '--no-page');
  let said = '';
  started.at(-1)?.stdout?.on('data', (piece) => {
    said += piece;
  });
  const url = String(/http:\S+/.exec(first ?? '')?.[0]);
  await post(url, batchOf(1));
  await post(url, batchOf(1), { headers: { 'x-retry-count': '2' } });
  await expect.poll(() => said.match(/^.*POST.*$/gm)).toHaveLength(2);
  expect(said.match(/ms {2}retry .*$/gm)).toEqual(['ms  retry 2']);
});

test('listen says what is wrong with an event that the API takes all the same', async () => {
  const [first] = await listen(2, '--no-page');
  let said = '';
  started.at(-1)?.stdout?.on('data', (piece) => {
    said += piece;
  });
  const url = String(/http:\S+/.exec(first ?? '')?.[0]);
  const nobody = { type: 'page' };
  expect((await post(url, { batch: [...batchOf(1).batch, nobody, nobody, {}] })).status).toBe(200);
  await expect.poll(() => said).toContain('batch[1] has neither userId nor anonymousId, and 2 more faults\n');
});

test('listen --strict refuses events with a fault', async () => {
  const [first] = await listen(2, '--no-page', '--strict');
  const url = String(/http:\S+/.exec(first ?? '')?.[0]);
  expect((await post(url, { batch: [{ type: 'page' }] })).status).toBe(400);
});

test('listen --origin takes events from the pages of that origin only', async () => {
  const origins = ['http://localhost:3000', 'https://shop.test'];
  const [first] = await listen(2, '--no-page', ...origins.flatMap((origin) => ['--origin', origin]));
  const url = String(/http:\S+/.exec(first ?? '')?.[0]);
  const from = async (origin: string) =>
    (await post(url, batchOf(1), { headers: { origin } })).headers['access-control-allow-origin'];
  for (const origin of origins) expect(await from(origin)).toBe(origin);
  expect(await from('https://evil.test')).toBeUndefined();
});

test('the page and what browsers ask for by themselves are no requests of a program', async () => {
  await using api = await startTrackingApi({ page: true });
  for (const path of ['/', '/_offthread/page/main.js', '/favicon.ico', '/.well-known/appspecific/x.json']) {
    await ask(`${api.url}${path}`);
  }
  expect((await api.counts()).requests).toBe(0);
  await post(api.url, '{}', { path: '/' });
  expect((await api.counts()).requests).toBe(1);
});

test('the page runs its own files only', async () => {
  await using api = await startTrackingApi({ page: true });
  const { headers } = await ask(`${api.url}/`);
  const policy = String(headers['content-security-policy']);
  expect(policy).toMatch(/^default-src 'none'; script-src 'self';/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|\*|data:|http/);
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('a name that another may have pointed at this machine gets neither the page nor the control routes', async () => {
  await using api = await startTrackingApi({ page: true });
  for (const path of ['/', '/_offthread/stream', '/_offthread/counts', '/_offthread/page/main.js']) {
    for (const host of [`evil.example:${api.port}`, 'evil.example', `127.0.0.1.evil.example:${api.port}`]) {
      expect((await ask(`${api.url}${path}`, { headers: { host } })).status, `${host}${path}`).toBe(403);
    }
    for (const host of [`localhost:${api.port}`, `app.localhost:${api.port}`, `[::1]:${api.port}`]) {
      expect((await ask(`${api.url}${path}`, { headers: { host } })).status, `${host}${path}`).toBe(200);
    }
  }
  // The Tracking API itself is for programs, which may call this machine what they like.
  const headers = { host: 'offthread:4319' };
  expect((await post(api.url, batchOf(1), { headers })).status).toBe(200);
});

test('a web page of another origin cannot drive the API, and a program can', async () => {
  await using api = await startTrackingApi({ page: true });
  await post(api.url, batchOf(3));
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `http://127.0.0.1:${api.port + 1}` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) {
    const reply = await ask(`${api.url}/_offthread/reset`, { method: 'POST', headers });
    expect(reply.status, JSON.stringify(headers)).toBe(403);
    expect((await ask(`${api.url}/_offthread/stream`, { headers })).status).toBe(403);
  }
  expect((await api.counts()).events).toBe(3);

  const own = { origin: api.url, 'sec-fetch-site': 'same-origin' };
  expect((await ask(`${api.url}/_offthread/counts`, { headers: own })).status).toBe(200);
  const remote = new RemoteControl(`${api.url}/_offthread`);
  await remote.behave({ type: 'answer', status: 503 });
  expect((await post(api.url, batchOf(1))).status).toBe(503);
  expect((await ask(`${api.url}/_offthread/reset`, { method: 'POST', headers: own })).status).toBe(200);
  expect((await api.counts()).events).toBe(0);
});

test('the stream contains no write key and no headers, and has browsers reconnect soon', async () => {
  await using api = await startTrackingApi({ page: true });
  await post(api.url, batchOf(1), { writeKey: 'SECRET-KEY', headers: { cookie: 'SECRET-COOKIE' } });
  const text = await new Promise<string>((resolve, reject) => {
    let heard = '';
    const stream = get(
      `${api.url}/_offthread/stream`,
      { signal: AbortSignal.timeout(20_000) },
      (response) => {
        response.setEncoding('utf8').on('data', (piece: string) => {
          heard += piece;
          // The second status comes with the counters after the stream's own connection.
          if (!heard.includes('"request"') || heard.split('"status":{').length < 3) return;
          stream.destroy();
          resolve(heard);
        });
      },
    );
    stream.once('error', reject);
  });
  expect(text).toMatch(/^retry: 500\n\n/);
  expect(text).toContain('Thing Done');
  expect(text).not.toContain('SECRET');
  expect(text).not.toContain(Buffer.from('SECRET-KEY:').toString('base64'));
});
