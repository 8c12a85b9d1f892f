// The identity of the API is always verified: an invalid certificate is refused and reported once, and nothing in the
// environment changes that. Each in a child process, because Node.js reads the environment at startup.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTrackingApi } from '@offthread/devtools';
import type { AnalyticsError, FlushResult, Stats } from '@offthread/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Certificate, selfSigned } from '../helpers/certificate.js';
import { runFixture } from '../helpers/fixture.js';

interface Report {
  result: FlushResult;
  errors: (Pick<AnalyticsError, 'code' | 'message' | 'attempts'> & { messageIds: string[] })[];
  stats: Stats;
}

const DAY_MS = 86_400_000;
const CERTIFICATES = {
  good: selfSigned(),
  expired: selfSigned({ validUntil: new Date(Date.now() - DAY_MS) }),
  notYetValid: selfSigned({
    validFrom: new Date(Date.now() + DAY_MS),
    validUntil: new Date(Date.now() + 2 * DAY_MS),
  }),
  wrongHost: selfSigned({ host: 'elsewhere.example' }),
};

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'offthread-tls-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Sends two events to an API with this certificate. */
async function send(
  tls: Certificate,
  env: Record<string, string> = {},
): Promise<{ report: Report; received: string[]; requests: number; stderr: string }> {
  await using api = await startTrackingApi({ tls });
  const { code, stdout, stderr } = await runFixture('send-once.mjs', [JSON.stringify({ host: api.url })], {
    env,
  });
  expect(code).toBe(0);
  const { requests } = await api.counts();
  return { report: JSON.parse(stdout) as Report, received: await api.messageIds(), requests, stderr };
}

async function trusting(certificate: Certificate): Promise<Record<string, string>> {
  const path = join(directory, 'trusted.pem');
  await writeFile(path, certificate.cert);
  return { NODE_EXTRA_CA_CERTS: path };
}

function expectRefusal(
  { report, received, requests }: Awaited<ReturnType<typeof send>>,
  reason: string,
): void {
  expect(report.result).toMatchObject({ status: 'ok', delivered: 0, failed: 2, pending: 0 });
  expect(report.errors).toMatchObject([
    { code: 'tls_refused', attempts: 1, messageIds: ['first', 'second'] },
  ]);
  expect(report.errors[0]?.message).toContain(reason);
  expect(report.stats).toMatchObject({
    accepted: 2,
    delivered: 0,
    failed: 2,
    dropped: {},
    pending: 0,
    requests: 1,
    retries: 0,
  });
  expect(received).toEqual([]);
  expect(requests).toBe(0);
}

describe('refused, reported and not retried', () => {
  test('a self-signed certificate', async () => {
    const sent = await send(CERTIFICATES.good);
    expectRefusal(sent, 'self-signed certificate');
    expect(sent.stderr).toBe('');
  });

  test('one that has expired, although its issuer is trusted', async () => {
    expectRefusal(await send(CERTIFICATES.expired, await trusting(CERTIFICATES.expired)), 'expired');
  });

  test('one that is not valid yet, although its issuer is trusted', async () => {
    const { notYetValid } = CERTIFICATES;
    expectRefusal(await send(notYetValid, await trusting(notYetValid)), 'not yet valid');
  });

  test('one of another host, although its issuer is trusted', async () => {
    const { wrongHost } = CERTIFICATES;
    expectRefusal(await send(wrongHost, await trusting(wrongHost)), "does not match certificate's altnames");
  });

  test.each(['good', 'expired', 'wrongHost'] as const)(
    'one that is invalid (%s), whatever NODE_TLS_REJECT_UNAUTHORIZED says',
    async (name) => {
      const { report, ...rest } = await send(CERTIFICATES[name], { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
      expectRefusal({ report, ...rest }, 'certificate');
    },
  );
});

test('a certificate of an issuer in NODE_EXTRA_CA_CERTS is accepted', async () => {
  const sent = await send(CERTIFICATES.good, await trusting(CERTIFICATES.good));
  expect(sent.report.result).toMatchObject({ status: 'ok', delivered: 2, failed: 0, pending: 0 });
  expect(sent.report.errors).toEqual([]);
  expect(sent.received).toEqual(['first', 'second']);
  expect(sent.stderr).toBe('');
});

test('a server without TLS is a fault, which is retried', async () => {
  await using api = await startTrackingApi();
  const settings = { host: api.url.replace('http:', 'https:'), maxRetries: 1 };
  const { stdout } = await runFixture('send-once.mjs', [JSON.stringify(settings)]);
  const { errors, stats } = JSON.parse(stdout) as Report;
  expect(errors).toMatchObject([{ code: 'retries_exhausted', attempts: 2, messageIds: ['first', 'second'] }]);
  expect(stats).toMatchObject({ accepted: 2, failed: 2, pending: 0 });
});
