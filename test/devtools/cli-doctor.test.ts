// Why events do not arrive: each thing that can be wrong is found, and comes with what to do about it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StartOptions, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { type CliOptions, offthread, SECRET } from '../helpers/cli.js';
import { startProxy } from '../helpers/middlebox.js';

interface Check {
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  detail: string;
  remedy?: string;
  facts?: Record<string, unknown>;
}

/** Runs `offthread doctor --json`. Gives the checks by name; each that is not ok has a remedy. */
async function examine(args: string[], options?: CliOptions) {
  const { code, stdout, stderr } = await offthread(['doctor', '--json', ...args], options);
  const report = JSON.parse(stdout) as { ok: boolean; checks: (Check & { name: string })[] };
  expect(stderr).toBe('');
  expect(code).toBe(report.ok ? 0 : 1);
  for (const { name, status, remedy } of report.checks) {
    const isTrouble = status === 'failed' || status === 'warning';
    expect(remedy !== undefined, `${name} has a remedy`).toBe(isTrouble);
  }
  const checks: Record<string, Check> = Object.fromEntries(
    report.checks.map(({ name, ...check }) => [name, check]),
  );
  const statuses = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
  return { ok: report.ok, checks, statuses };
}

describe('against an API without faults', () => {
  let api: TrackingApi;
  beforeAll(async () => {
    api = await startTrackingApi();
  });
  beforeEach(() => api.reset());
  afterAll(() => api.close());

  test('all checks pass, and one sample event arrives through the worker thread', async () => {
    const { ok, statuses, checks } = await examine(['--host', api.url]);
    expect(ok).toBe(true);
    expect(Object.keys(statuses)).toEqual([
      ...['node', 'write-key', 'address', 'region', 'dns', 'connection', 'tls'],
      ...['latency', 'auth', 'clock', 'sample', 'limits'],
    ]);
    expect(new Set(Object.values(statuses))).toEqual(new Set(['ok']));
    expect(checks['latency']?.facts).toMatchObject({ medianMs: expect.any(Number) });
    expect(await api.events()).toMatchObject([{ type: 'track', event: 'Offthread Doctor Ran' }]);
    expect((await api.requests()).every(({ writeKey }) => writeKey === SECRET)).toBe(true);
  });

  test('--no-sample sends no event, and the text has the same content as the JSON, with colours only if they are wanted', async () => {
    const args = ['doctor', '--host', api.url, '--no-sample'];
    const preload = ['as-terminal.mjs'];
    const [pipe, terminal, plain] = await Promise.all([
      offthread(args),
      offthread(args, { preload }),
      offthread(args, { preload, env: { NO_COLOR: '1' } }),
    ]);
    expect(pipe).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok {4}node .*\nok {4}write-key /),
    });
    expect(pipe.stdout).toMatch(/^skip {2}sample/m);
    expect(pipe.stdout).toMatch(/\nAll is well\.\n$/);
    expect(pipe.stdout).not.toContain('\u001b');
    expect(terminal.stdout).toContain('\u001b[32mok');
    expect(plain.stdout).not.toContain('\u001b');
    expect((await api.counts()).events).toBe(0);
  });

  test('a clock that is an hour behind is a warning, not a failure', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    await api.behave({ type: 'answer', status: 200, headers: { date } });
    const { ok, checks } = await examine(['--host', api.url]);
    expect(ok).toBe(true);
    expect(checks['clock']).toMatchObject({ status: 'warning', detail: expect.stringContaining('s behind') });
    expect(checks['clock']?.facts?.['skewSeconds']).toBeGreaterThan(3_500);
  });

  test.each([
    [{ type: 'answer', status: 401 } as const, 'auth', /write key/],
    [{ type: 'redirect', location: 'http://127.0.0.1:1/' } as const, 'auth', /--host/],
    [{ type: 'answer', status: 501 } as const, 'auth', /later/],
    [{ type: 'drop', after: 'body' } as const, 'latency', /--host/],
  ])('%o is found, and the sample fails as well', async (behaviour, name, remedy) => {
    await api.behave(behaviour);
    const { ok, checks } = await examine(['--host', api.url]);
    expect(ok).toBe(false);
    expect(checks[name]).toMatchObject({ status: 'failed', remedy: expect.stringMatching(remedy) });
    expect(checks['sample']?.status).toBe('failed');
    expect(checks['limits']?.status).toBe('ok');
  });

  test('a path that accepts no events is found', async () => {
    const { checks } = await examine(['--host', api.url, '--path', '/v2/batch']);
    expect(checks['auth']).toMatchObject({ status: 'failed', remedy: expect.stringContaining('--path') });
  });

  test('a write key that is missing, or was copied with other characters, is found and not sent', async () => {
    for (const key of [undefined, `"${SECRET}"`, `${SECRET}\n`]) {
      const { ok, checks, statuses } = await examine(['--host', api.url], {
        env: { OFFTHREAD_WRITE_KEY: key },
      });
      expect(ok).toBe(false);
      expect(checks['write-key']).toMatchObject({ status: 'failed', remedy: expect.any(String) });
      expect(statuses).toMatchObject({ latency: 'ok', auth: 'skipped', sample: 'skipped' });
    }
    expect((await api.requests()).every(({ writeKey }) => writeKey === null)).toBe(true);
  });
});

describe('the connection to the API', () => {
  test('fails for a name that does not exist, a port where nothing listens, and an invalid address', async () => {
    const [name, port, address] = await Promise.all([
      examine(['--host', 'https://offthread.invalid']),
      examine(['--host', 'http://127.0.0.1:1']),
      examine(['--host', 'ftp://example.com']),
    ]);
    expect(name.statuses).toMatchObject({
      dns: 'failed',
      latency: 'skipped',
      sample: 'skipped',
      limits: 'ok',
    });
    expect(name.statuses).not.toHaveProperty('connection');
    expect(port.checks['connection']).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('REFUSED'),
    });
    expect(address.checks['address']).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('--host'),
    });
  });

  test('uses the address of the region, and hints that a wrong region cannot be detected', async () => {
    // Not to be asked by a test: what the address is, is known before.
    const options = { preload: ['no-names.mjs'] };
    const [us, eu] = await Promise.all([examine([], options), examine(['--region', 'eu'], options)]);
    expect(us.statuses).toMatchObject({ dns: 'failed', latency: 'skipped', sample: 'skipped' });
    expect(us.checks['address']?.detail).toBe('https://api.segment.io/v1/batch');
    expect(us.checks['region']?.detail).toMatch(/^us .*--region eu/);
    expect(eu.checks['address']?.detail).toBe('https://events.eu1.segmentapis.com/v1/batch');
    expect(eu.checks['region']?.detail).toMatch(/^eu .*--region us/);
  });

  describe('with TLS', () => {
    const folder = mkdtempSync(join(tmpdir(), 'offthread-doctor-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** Runs the doctor against a server with this certificate; `trusted` puts it among the authorities. */
    async function examineTls(validUntil: Date, trusted: boolean) {
      const tls: NonNullable<StartOptions['tls']> = selfSigned({ validUntil });
      await using api = await startTrackingApi({ tls });
      const file = join(folder, `${validUntil.getTime()}.pem`);
      writeFileSync(file, tls.cert);
      const env = trusted ? { NODE_EXTRA_CA_CERTS: file } : {};
      const found = await examine(['--host', api.url], { env });
      return { ...found, counts: await api.counts() };
    }

    test('a trusted certificate is shown with its issuer and its expiry date, and used', async () => {
      const { checks, statuses, counts } = await examineTls(new Date(Date.now() + 90 * 86_400_000), true);
      expect(checks['tls']?.detail).toMatch(
        /^TLSv1\.\d, certificate by localhost, valid until \d{4}-\d\d-\d\d$/,
      );
      expect(statuses).toMatchObject({ tls: 'ok', latency: 'ok', auth: 'ok', sample: 'ok' });
      expect(counts.events).toBe(1);
    });

    test('one that expires within days is a warning', async () => {
      const { ok, checks } = await examineTls(new Date(Date.now() + 2 * 86_400_000), true);
      expect(ok).toBe(true);
      expect(checks['tls']).toMatchObject({ status: 'warning', remedy: expect.stringContaining('Renew') });
    });

    test('one that is not trusted or has expired fails, and nothing is sent to that server', async () => {
      const unknown = await examineTls(new Date(Date.now() + 90 * 86_400_000), false);
      expect(unknown.checks['tls']).toMatchObject({
        status: 'failed',
        remedy: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      });
      const expired = await examineTls(new Date(Date.now() - 86_400_000), true);
      expect(expired.checks['tls']).toMatchObject({
        status: 'failed',
        remedy: expect.stringContaining('Renew'),
      });
      for (const { counts, statuses } of [unknown, expired]) {
        expect(counts.requests).toBe(0);
        expect(statuses).toMatchObject({ latency: 'skipped', auth: 'skipped', sample: 'skipped' });
      }
    });
  });
});

describe('through the proxy in the environment, as the SDK connects', () => {
  const host = 'api.offthread.test';
  const folder = mkdtempSync(join(tmpdir(), 'offthread-doctor-proxy-'));
  const tls = selfSigned({ host, validUntil: new Date(Date.now() + 90 * 86_400_000) });
  const trusted = join(folder, 'trusted.pem');
  writeFileSync(trusted, tls.cert);
  let api: TrackingApi;
  beforeAll(async () => {
    api = await startTrackingApi({ tls });
  });
  beforeEach(() => api.reset());
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await api.close();
  });

  function environment(port: number): Record<string, string> {
    return { HTTPS_PROXY: `http://user:geheim@127.0.0.1:${port}`, NODE_EXTRA_CA_CERTS: trusted };
  }

  test('all checks go through it', async () => {
    await using proxy = await startProxy({ to: ['127.0.0.1', api.port], auth: 'user:geheim' });
    const found = await examine(['--host', `https://${host}`], { env: environment(proxy.port) });
    expect(found.ok).toBe(true);
    expect(found.statuses).toMatchObject({ dns: 'skipped', connection: 'ok', tls: 'ok' });
    expect(found.statuses).toMatchObject({ latency: 'ok', auth: 'ok', clock: 'ok', sample: 'ok' });
    expect(found.checks['connection']?.detail).toContain(`through the proxy 127.0.0.1:${proxy.port}`);
    expect(JSON.stringify(found)).not.toContain('geheim');
    expect(await api.counts()).toMatchObject({ events: 1 });
    const { seen } = await proxy.look();
    expect(new Set(seen.map(({ target }) => target))).toEqual(new Set([`${host}:443`]));
  });

  test('a proxy that does not connect is found, with advice', async () => {
    await using proxy = await startProxy({ auth: 'somebody:else' });
    const env = environment(proxy.port);
    const [refused, exempt, broken] = await Promise.all([
      examine(['--host', `https://${host}`], { env }),
      examine(['--host', `https://${host}`], { env: { ...env, NO_PROXY: host } }),
      examine(['--host', `https://${host}`], { env: { ...env, HTTPS_PROXY: 'socks5://user:geheim@p:1' } }),
    ]);
    expect(refused.statuses).toMatchObject({ connection: 'failed', latency: 'skipped', sample: 'skipped' });
    expect(refused.checks['connection']?.detail).toContain('407');
    expect(refused.checks['connection']?.remedy).toContain('password');
    expect(exempt.statuses).toMatchObject({ dns: 'failed' });
    expect(broken.checks['address']).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('NO_PROXY'),
    });
    expect(JSON.stringify([refused, exempt, broken])).not.toContain('geheim');
  });
});

test('a mistake in the command exits with 2, and --help has examples', async () => {
  const [mistake, help] = await Promise.all([
    offthread(['doctor', '--region', 'mars']),
    offthread(['doctor', '--help']),
  ]);
  expect(mistake).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('us, eu') });
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Exit code: 0 no check failed') });
});
