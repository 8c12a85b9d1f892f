// `offthread listen --tls` speaks https, by a certificate that it makes and that clients can be told to trust.
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { type CliRun, startOffthread } from '../helpers/cli.js';
import { runFixture } from '../helpers/fixture.js';
import { batchOf, post } from '../helpers/raw-client.js';

let directory: string;
const started: CliRun[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'offthread-listen-'));
});
afterEach(async () => {
  for (const run of started.splice(0)) {
    run.child.kill('SIGTERM');
    await run.end;
  }
  await rm(directory, { recursive: true });
});

interface Listening {
  url: string;
  certificate: string;
}

/** Starts `offthread listen --tls`, whose files are in the directory of the test. */
async function listen(...args: string[]): Promise<Listening> {
  const run = startOffthread(['listen', '--port', '0', '--tls', '--json', ...args], {
    env: { XDG_CACHE_HOME: directory, LOCALAPPDATA: directory },
  });
  started.push(run);
  const line = await new Promise<string>((resolve, reject) => {
    run.child.stdout?.once('data', (piece: string) => resolve(String(piece).split('\n')[0] ?? ''));
    run.end.then(({ stderr }) => reject(new Error(stderr)), reject);
  });
  return JSON.parse(line) as Listening;
}

test('only a client that trusts the certificate delivers', async () => {
  const { url, certificate } = await listen();
  expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  const ca = await readFile(certificate, 'utf8');
  expect((await post(url, batchOf(1), { ca })).status).toBe(200);
  expect((await post(url.replace('127.0.0.1', 'localhost'), batchOf(1), { ca })).status).toBe(200);
  await expect(post(url, batchOf(1))).rejects.toThrow(/self-signed/);

  const args = [JSON.stringify({ host: url })];
  const { stdout } = await runFixture('send-once.mjs', args, { env: { NODE_EXTRA_CA_CERTS: certificate } });
  expect(JSON.parse(stdout)).toMatchObject({ result: { status: 'ok', delivered: 2, failed: 0 }, errors: [] });
});

test('the certificate is kept for the next start, and its key can be read only by the owner', async () => {
  const { certificate } = await listen();
  const text = await readFile(certificate, 'utf8');
  expect(certificate.startsWith(directory)).toBe(true);
  const key = await stat(join(certificate, '../localhost.key'));
  expect(key.mode & 0o077).toBe(0);
  const again = await listen();
  expect(again.certificate).toBe(certificate);
  expect(await readFile(certificate, 'utf8')).toBe(text);
});

test.each(['expired', 'damaged', 'of another key', 'a link to elsewhere'])(
  'a certificate that is %s is replaced',
  async (state) => {
    const { certificate } = await listen();
    const elsewhere = join(directory, 'elsewhere.pem');
    await writeFile(elsewhere, 'mine');
    const yesterday = new Date(Date.now() - 86_400_000);
    if (state === 'expired') await writeFile(certificate, selfSigned({ validUntil: yesterday }).cert);
    if (state === 'damaged') await writeFile(certificate, 'no certificate');
    if (state === 'of another key') await writeFile(certificate, selfSigned().cert);
    if (state === 'a link to elsewhere') {
      await rm(certificate);
      await symlink(elsewhere, certificate);
    }
    const again = await listen();
    const ca = await readFile(again.certificate, 'utf8');
    expect((await post(again.url, batchOf(1), { ca })).status).toBe(200);
    expect(await readFile(elsewhere, 'utf8')).toBe('mine');
  },
);

test('the certificate is also valid for the name that it listens on', async () => {
  const first = await listen();
  const { certificate, url } = await listen('--host', '127.0.0.2');
  expect(certificate).toBe(first.certificate);
  const ca = await readFile(certificate, 'utf8');
  expect(url).toContain('127.0.0.2');
  expect((await post(url, batchOf(1), { ca })).status).toBe(200);
});
