// The relay as npm installs it from its tarball: it needs no package that isn't published.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startTrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dependenciesOf } from '../helpers/lockfile.js';
import { installPacked } from '../helpers/packed.js';
import { batchOf, post } from '../helpers/raw-client.js';

/** Dependencies without code in the bundle: unused parts of got, and types. */
const LEFT_OUT =
  /^(cacheable-|decompress-response|mimic-response|http2-wrapper|quick-lru|resolve-alpn|keyv|@keyv\/|responselike|get-stream|@sec-ant\/|is-stream|http-cache-semantics|normalize-url|@types\/|type-fest|jose@)/;

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-relay-package-')));
const installed = join(folder, 'node_modules/@offthread/relay');

beforeAll(() => installPacked(folder, ['relay', 'tracking-api'], { private: true }), 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it accepts and delivers', { timeout: 60_000 }, async () => {
  const api = await startTrackingApi();
  const args = ['--port', '0', '--directory', join(folder, 'events'), '--api-host', api.url];
  const child = spawn(join(folder, 'node_modules/.bin/offthread-relay'), args, {
    env: { ...process.env, NODE_OPTIONS: '', OFFTHREAD_RELAY_WRITE_KEYS: 'KEY' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const fact = JSON.parse(line);
        if (fact.msg === 'the relay has started') resolve(fact.url);
      });
    });
    expect((await post(url, batchOf(3))).status).toBe(200);
    await api.waitFor({ events: 3, timeoutMs: 20_000 });
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const [request] = await api.requests();
    expect(request?.headers['user-agent']).toBe(`offthread-relay/${version}`);
  } finally {
    child.kill('SIGKILL');
    await api.close();
  }
});

test('its code is one file with a map, and the sources are there', () => {
  const dist = readdirSync(join(installed, 'dist'));
  expect(dist.sort()).toEqual(['cli.js', 'cli.js.map']);
  const { sources } = JSON.parse(readFileSync(join(installed, 'dist/cli.js.map'), 'utf8')) as {
    sources: string[];
  };
  const own = sources.filter((source) => source.startsWith('../src/'));
  expect(own.length).toBeGreaterThan(50);
  for (const source of own) expect(readFileSync(join(installed, 'dist', source)).length).toBeGreaterThan(0);
});

test('it contains the licenses of all bundled packages', () => {
  const text = readFileSync(join(installed, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  const [, ...sections] = text.split(`\n${'-'.repeat(80)}\n\n`);
  for (const section of sections)
    expect(section).toMatch(/^\S+ \(MIT\)\n.*Copyright .*Permission is hereby granted/s);
  const named = sections.map((section) => section.split(' ')[0]);
  const dependencies = [...dependenciesOf('packages/worker')];
  expect(named).toEqual(dependencies.filter((each) => !LEFT_OUT.test(each)).sort());
});
