// The servers in the README of @offthread/tracking-api run, and take what a client sends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { read, root } from '../helpers/markdown.js';
import { Trial } from '../helpers/trial.js';

const readme = read('packages/tracking-api/README.md');
const examples = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code = '']) => code);

let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offthread-tracking-api-'));
  symlinkSync(join(root, 'test/node_modules'), join(folder, 'node_modules'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** Runs an example on a free port. Returns its URL, and its output. */
async function serve(words: string): Promise<{ url: string; lines: string[] }> {
  const found = examples.filter((code) => code.includes(words));
  expect(found).toHaveLength(1);
  const [code = ''] = found;
  const program = code.replace('port: 8080', 'port: 0').replace('listen(8080)', 'listen(0)');
  expect(program).not.toBe(code);
  const server = code.includes('const app') ? 'app.server' : 'server';
  const file = join(folder, 'server.mjs');
  const tell = `if (!${server}.listening) await new Promise((resolve) => ${server}.once('listening', resolve));
    console.log('port ' + ${server}.address().port);`;
  writeFileSync(file, `${program}\n${tell}\n`);
  child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no stdout');
  const lines: string[] = [];
  const output = createInterface(child.stdout).on('line', (each) => lines.push(each));
  const [first] = await once(output, 'line', { signal: AbortSignal.timeout(20_000) });
  return { url: `http://127.0.0.1:${String(first).replace('port ', '')}`, lines };
}

test('every example is one of these', () => {
  expect(examples).toHaveLength(2);
});

test.each(['fastify()', 'createServer('])(
  '%s takes events with its key, and refuses others',
  async (words) => {
    const { url } = await serve(words);
    await using trial = new Trial({ host: url });
    trial.track(3);
    expect(await trial.flushAsync(20_000)).toMatchObject({ status: 'ok', failed: 0 });
    expect(trial.analytics.stats().delivered).toBe(3);
    await using other = new Trial({ host: url, writeKey: 'OTHER' });
    other.track(1);
    await other.flushAsync(20_000);
    expect(other.errors).toMatchObject([{ code: 'rejected', status: 401 }]);
    expect((await fetch(`${url}/v1/other`, { method: 'POST' })).status).toBe(404);
  },
);

test('the server without Fastify prints the events as they were sent', async () => {
  const { url, lines } = await serve('createServer(');
  const event = '{"type":"track","userId":"u","event":"E","properties":{"big":9007199254740993}}';
  const headers = { authorization: `Basic ${btoa('KEY:')}` };
  expect(
    (await fetch(`${url}/v1/batch`, { method: 'POST', headers, body: `{"batch":[${event}]}` })).status,
  ).toBe(200);
  await expect.poll(() => lines.join('\n')).toContain(event);
});
