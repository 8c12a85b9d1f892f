// The worker thread uses the network defaults that flags, NODE_OPTIONS and calls set for the process: trusted CAs,
// maximum header size, name resolution and TLS versions.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authority, selfSigned } from '../helpers/certificate.js';
import { type ProgramOptions, runProgram } from '../helpers/program.js';

type Call = readonly [module: 'dns' | 'dns/promises' | 'net' | 'tls', name: string, value: unknown];

/** The plan of the fixture. */
interface Plan {
  readonly host: string;
  readonly settings?: object;
  readonly calls?: readonly Call[];
  readonly later?: readonly Call[];
}

const CA = authority('Offthread Test Authority');
const OTHER_CA = authority('Another Authority');
const SERVER = selfSigned({ issuer: CA });

let api: TrackingApi;
let secure: TrackingApi;
let directory: string;
/** The files of the CAs, and an empty folder. */
const files = { trusted: '', other: '', none: '' };

beforeAll(async () => {
  [api, secure, directory] = await Promise.all([
    startTrackingApi(),
    startTrackingApi({ tls: SERVER }),
    mkdtemp(join(tmpdir(), 'offthread-network-')),
  ]);
  files.trusted = join(directory, 'trusted.pem');
  files.other = join(directory, 'other.pem');
  files.none = join(directory, 'none');
  await Promise.all([
    writeFile(files.trusted, CA.cert),
    writeFile(files.other, OTHER_CA.cert),
    mkdir(files.none),
  ]);
}, 60_000);
beforeEach(async () => {
  await Promise.all([api.reset(), secure.reset()]);
  // Also for the fixture's own request, which isn't a batch.
  await Promise.all([api, secure].map((each) => each.behave({ type: 'answer', status: 200 })));
});
afterAll(() => Promise.all([api.close(), secure.close(), rm(directory, { recursive: true })]));

/** Runs the fixture with only the CAs that Node.js trusts. Returns what it printed. */
async function run(plan: Plan, { flags = [], env = {} }: ProgramOptions = {}): Promise<Seen[]> {
  const ended = await runProgram('as-set.mjs', {
    flags,
    args: [JSON.stringify(plan)],
    env: {
      NODE_EXTRA_CA_CERTS: '',
      SSL_CERT_FILE: files.other,
      SSL_CERT_DIR: files.none,
      ...env,
    },
  });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended.lines as unknown as Seen[];
}

interface Seen {
  readonly loaded: readonly string[];
  readonly own: number | string;
  readonly delivered: number;
  readonly errors: readonly string[];
  readonly main: object;
  readonly worker: object;
}

/** The result if the server's TLS version is too old. */
const tooOld = { own: expect.stringContaining('PROTO'), delivered: 0 };

/** The same flags as arguments and in NODE_OPTIONS, with and without one that worker threads don't support. */
function ways(...flags: string[]): [string, ProgramOptions][] {
  return [
    [flags.join(' '), { flags }],
    [`${flags.join(' ')} in NODE_OPTIONS`, { env: { NODE_OPTIONS: flags.join(' ') } }],
    [`${flags.join(' ')} --max-old-space-size=200`, { flags: [...flags, '--max-old-space-size=200'] }],
  ];
}

describe('the worker thread has the defaults that are set', () => {
  const OTHER_FLAGS = ['--expose-gc', '--enable-source-maps'];

  test.each<[string, ProgramOptions]>([
    ['nothing', {}],
    ['flags of other kinds', { flags: OTHER_FLAGS, env: { NODE_OPTIONS: '--max-old-space-size=200' } }],
  ])('by %s, and no module is loaded to find that out', async (_name, options) => {
    const [seen] = await run({ host: api.url }, options);
    expect(seen).toMatchObject({ delivered: 1, errors: [], worker: seen?.main, loaded: [] });
  });

  const FLAGS = [
    '--dns-result-order=ipv4first',
    '--no-network-family-autoselection',
    '--network-family-autoselection-attempt-timeout=333',
    '--tls-cipher-list=ECDHE-ECDSA-AES128-GCM-SHA256',
    '--tls-min-v1.3',
  ];

  test.each([
    ...ways(...FLAGS),
    ...ways('--tls-max-v1.2'),
    // Alone, because each concerns one module.
    ...FLAGS.slice(0, 3).flatMap((flag) => ways(flag).slice(0, 1)),
  ])('by %s', async (_name, options) => {
    const [plain] = await run({ host: api.url });
    const [seen] = await run({ host: api.url }, options);
    expect(seen?.main).not.toEqual(plain?.main);
    expect(seen).toMatchObject({ delivered: 1, errors: [], worker: seen?.main });
  });

  const MAX_VERSION: Call = ['tls', 'DEFAULT_MAX_VERSION', 'TLSv1.2'];
  const CALLS: Call[] = [
    ['dns', 'setDefaultResultOrder', 'ipv4first'],
    ['net', 'setDefaultAutoSelectFamily', false],
    ['net', 'setDefaultAutoSelectFamilyAttemptTimeout', 345],
    ['tls', 'DEFAULT_MIN_VERSION', 'TLSv1.3'],
    ['tls', 'DEFAULT_CIPHERS', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['tls', 'DEFAULT_ECDH_CURVE', 'P-256'],
  ];

  const PROMISES: Call = ['dns/promises', 'setDefaultResultOrder', 'ipv4first'];

  test.each([[CALLS], [[MAX_VERSION]], [[PROMISES]]])('by calls', async (calls) => {
    const [seen] = await run({ host: api.url, calls });
    for (const [, , value] of calls) expect(Object.values(seen?.main ?? {})).toContain(value);
    expect(seen).toMatchObject({ delivered: 1, errors: [], worker: seen?.main });
  });

  test('by calls after it was started, from the next client on', async () => {
    const seen = await run({ host: api.url, later: CALLS });
    expect(seen[1]?.main).not.toEqual(seen[0]?.main);
    expect(seen).toMatchObject(seen.map(({ main }) => ({ delivered: 1, errors: [], worker: main })));
  });

  test("but no ciphers that OpenSSL doesn't know", async () => {
    const calls: Call[] = [
      ['tls', 'DEFAULT_CIPHERS', 'NONSENSE'],
      ['dns', 'setDefaultResultOrder', 'ipv4first'],
    ];
    const [seen] = await run(
      { host: secure.url, calls, settings: {} },
      { env: { NODE_EXTRA_CA_CERTS: files.trusted } },
    );
    expect(seen).toMatchObject({ delivered: 1, errors: [], worker: { resultOrder: 'ipv4first' } });
  });
});

describe('an API that only supports TLS 1.2', () => {
  let old: Server;
  let host: string;

  // On this thread, which isn't the one that flushes.
  beforeAll(async () => {
    old = createServer({ ...SERVER, maxVersion: 'TLSv1.2' }, (request, response) => {
      request.resume().on('end', () => response.end('{}'));
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    const address = old.address();
    host = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  });
  afterAll(() => old.close());

  test.each<[string, string[], Call[], object]>([
    ['gets events', [], [], { own: 200, delivered: 1, errors: [] }],
    ['gets none under --tls-min-v1.3', ['--tls-min-v1.3'], [], tooOld],
    [
      'gets none if tls.DEFAULT_MIN_VERSION is higher',
      [],
      [['tls', 'DEFAULT_MIN_VERSION', 'TLSv1.3']],
      tooOld,
    ],
  ])('%s', async (_name, flags, calls, expected) => {
    const seen = await run({ host, calls }, { flags, env: { NODE_EXTRA_CA_CERTS: files.trusted } });
    expect(seen).toMatchObject([expected]);
  });
});

describe('a reply with more than 16 KB of headers', () => {
  const size = 30_000;

  beforeEach(() => api.behave({ type: 'answer', status: 200, headers: { 'x-long': 'x'.repeat(size) } }));

  test('is a fault', async () => {
    const [seen] = await run({ host: api.url });
    expect(seen).toMatchObject({ own: 'HPE_HEADER_OVERFLOW', delivered: 0 });
  });

  test.each([...ways('--max-http-header-size=40000'), ...ways('--max_http_header_size=40000').slice(0, 1)])(
    'is read under %s',
    async (_name, options) => {
      const [seen] = await run({ host: api.url }, options);
      expect(seen).toMatchObject({ own: 200, delivered: 1, errors: [] });
    },
  );
});

/** CA certificates that can be given to this Node.js in other ways than NODE_EXTRA_CA_CERTS. */
const hasSystemCa = process.allowedNodeEnvironmentFlags.has('--use-system-ca');
const hasSetCa = 'setDefaultCACertificates' in tls;

describe('an API whose CA Node.js does not know', () => {
  const refused = { own: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', delivered: 0 };
  const taken = { own: 200, delivered: 1, errors: [] };
  const trustCa: Call = ['tls', 'setDefaultCACertificates', [CA.cert]];
  const trustOther: Call = ['tls', 'setDefaultCACertificates', [OTHER_CA.cert]];

  test('is refused', async () => {
    const seen = await run({ host: secure.url });
    expect(seen).toMatchObject([{ ...refused, errors: [expect.stringMatching(/^tls_refused/)] }]);
  });

  test.each<[string, ProgramOptions]>([
    ['NODE_EXTRA_CA_CERTS', {}],
    ['NODE_EXTRA_CA_CERTS beside --max-old-space-size', { flags: ['--max-old-space-size=200'] }],
    ['NODE_EXTRA_CA_CERTS beside --use-openssl-ca', { flags: ['--use-openssl-ca'] }],
  ])('is trusted with %s', async (_name, { flags = [] }) => {
    const env = { NODE_EXTRA_CA_CERTS: files.trusted };
    expect(await run({ host: secure.url }, { flags, env })).toMatchObject([taken]);
  });

  const environmental: [string, ProgramOptions] = [
    'NODE_USE_SYSTEM_CA',
    { env: { NODE_USE_SYSTEM_CA: '1' } },
  ];

  test.each([
    ...ways('--use-openssl-ca'),
    ...(hasSystemCa ? ways('--use-system-ca') : []),
    ...(hasSystemCa ? [environmental] : []),
  ])('is trusted with %s and SSL_CERT_FILE', async (_name, { flags = [], env = {} }) => {
    const options = { flags, env: { ...env, SSL_CERT_FILE: files.trusted } };
    expect(await run({ host: secure.url }, options)).toMatchObject([taken]);
  });

  if (hasSystemCa) {
    test('is trusted with --use-system-ca and NODE_EXTRA_CA_CERTS, if either contains its CA', async () => {
      const flags = ['--use-system-ca'];
      for (const [file, extra] of [
        [files.trusted, files.other],
        [files.other, files.trusted],
      ]) {
        const env = { SSL_CERT_FILE: file ?? '', NODE_EXTRA_CA_CERTS: extra ?? '' };
        expect(await run({ host: secure.url }, { flags, env })).toMatchObject([taken]);
      }
    });
  }

  if (hasSetCa) {
    test.each<[string, ProgramOptions]>([
      ['', {}],
      [' beside --max-old-space-size', { flags: ['--max-old-space-size=200'] }],
      [' beside --use-openssl-ca', { flags: ['--use-openssl-ca'] }],
      [' beside --use-system-ca', { flags: ['--use-system-ca'] }],
    ])('is trusted with tls.setDefaultCACertificates()%s', async (_name, options) => {
      expect(await run({ host: secure.url, calls: [trustCa] }, options)).toMatchObject([taken]);
    });

    test('is refused if tls.setDefaultCACertificates() leaves it out', async () => {
      const env = { NODE_EXTRA_CA_CERTS: files.trusted };
      const seen = await run({ host: secure.url, calls: [trustOther] }, { env });
      expect(seen).toMatchObject([refused]);
    });

    test('is trusted by all clients when one opens after tls.setDefaultCACertificates()', async () => {
      const seen = await run({ host: secure.url, later: [trustCa] });
      expect(seen).toMatchObject([refused, taken, taken]);
    });

    test('is refused by all clients when it is no longer trusted, even on existing connections', async () => {
      const seen = await run({ host: secure.url, calls: [trustCa], later: [trustOther] });
      expect(seen).toMatchObject([taken, refused, refused]);
    });

    test('is trusted when another client opens, even by one with its own certificate', async () => {
      const { cert, key } = selfSigned({ issuer: CA, name: 'orders-service' });
      const seen = await run({ host: secure.url, settings: { tls: { cert, key } }, later: [trustCa] });
      expect(seen).toMatchObject([refused, taken, taken]);
    });

    test('is trusted by a client whose settings say so, whatever the process trusts', async () => {
      const seen = await run({ host: secure.url, settings: { tls: { ca: CA.cert } }, calls: [trustOther] });
      expect(seen).toMatchObject([{ delivered: 1, errors: [] }]);
    });
  }
});
