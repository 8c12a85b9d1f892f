// Private networks: private CAs, client certificates and headers, with real gateways. None of these secrets is ever
// shown.
import { generateKeyPairSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { startTrackingApi } from '@offthread/devtools';
import { describe, expect, test } from 'vitest';
import { authority, selfSigned } from '../helpers/certificate.js';
import { startGateway } from '../helpers/middlebox.js';
import { refusedWith, workerSettings } from '../helpers/settings.js';
import { Trial } from '../helpers/trial.js';
import { withApi } from '../helpers/with-api.js';

const CA = authority('Offthread Test Authority');
const OTHER_CA = authority('Another Authority');
const SERVER = selfSigned({ issuer: CA });
const CLIENT = selfSigned({ issuer: CA, name: 'orders-service' });

const bench = withApi();

describe('tls.ca', () => {
  test.each<[string, string | Buffer | (string | Buffer)[]]>([
    ['a string', CA.cert],
    ['a Buffer', Buffer.from(CA.cert)],
    ['one of a list', [OTHER_CA.cert, Buffer.from(CA.cert)]],
    ['one in a bundle', `# what we trust\n${OTHER_CA.cert}\n${CA.cert}`],
    ['one beside those of Node.js', [...rootCertificates, CA.cert]],
  ])('as %s trusts certificates of that CA', async (_name, ca) => {
    await using api = await startTrackingApi({ tls: SERVER });
    await using trial = new Trial({ host: api.url, tls: { ca } });
    trial.track(2);
    expect(trial.flush(20_000)).toMatchObject({ status: 'ok', delivered: 2 });
    await trial.balance(api);
  });

  test('refuses certificates of another CA', async () => {
    await using api = await startTrackingApi({ tls: SERVER });
    await using trial = new Trial({ host: api.url, tls: { ca: OTHER_CA.cert } });
    trial.track();
    trial.flush(20_000);
    expect(trial.errors).toMatchObject([{ code: 'tls_refused', attempts: 1 }]);
    expect((await api.counts()).requests).toBe(0);
  });

  test('applies to one client, and not to another one with the same host', async () => {
    await using api = await startTrackingApi({ tls: SERVER });
    await using trusting = new Trial({ host: api.url, tls: { ca: CA.cert } });
    await using wary = new Trial({ host: api.url });
    for (let n = 0; n < 2; n++) {
      trusting.track();
      wary.track();
      trusting.flush(20_000);
      wary.flush(20_000);
    }
    expect(trusting.analytics.stats()).toMatchObject({ delivered: 2, failed: 0 });
    expect(wary.analytics.stats()).toMatchObject({ delivered: 0, failed: 2 });
  });
});

describe('tls.cert and tls.key', () => {
  test('identify the client to the gateway on reused connections', async () => {
    await using gateway = await startGateway({ ...SERVER, ca: CA.cert }, bench.api.port);
    const host = `https://127.0.0.1:${gateway.port}`;
    const tls = { ca: CA.cert, cert: CLIENT.cert, key: Buffer.from(CLIENT.key) };
    await using trial = new Trial({ host, tls });
    for (let n = 0; n < 3; n++) {
      trial.track();
      expect(trial.flush(20_000)).toMatchObject({ status: 'ok', delivered: 1 });
    }
    expect((await gateway.look()).seen).toEqual(['orders-service']);
    await trial.balance(bench.api);
  });

  test('of another CA, or missing, are a fault if the gateway requires them', async () => {
    await using gateway = await startGateway({ ...SERVER, ca: CA.cert }, bench.api.port);
    const host = `https://127.0.0.1:${gateway.port}`;
    const { cert, key } = selfSigned({ issuer: OTHER_CA });
    for (const tls of [{ ca: CA.cert }, { ca: CA.cert, cert, key }]) {
      await using trial = new Trial({ host, tls, maxRetries: 0 });
      trial.track();
      trial.flush(20_000);
      expect(trial.errors).toMatchObject([{ code: 'retries_exhausted', attempts: 1 }]);
    }
    expect((await gateway.look()).seen).toEqual([]);
    expect((await bench.api.counts()).requests).toBe(0);
  });
});

describe('tls is refused at construction, and never shown', () => {
  const encrypted = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'geheim' },
  }).privateKey;
  const broken = CA.cert.replace(/M[A-Za-z]/, '--');
  const { cert, key } = CLIENT;

  test.each<[string, unknown, string]>([
    ['text', key, 'a plain object like { ca, cert, key }'],
    ['a context', new (class SecureContext {})(), 'a plain object like { ca, cert, key }'],
    ['a list', [CA.cert], 'a plain object like { ca, cert, key }'],
    ['null', null, 'a plain object like { ca, cert, key }'],
    [
      'an option to trust anything',
      { rejectUnauthorized: false },
      'certificates are always verified; use tls.ca',
    ],
    ['an unknown name', { pfx: key }, "There is no setting 'tls.pfx'"],
    ['a path', { ca: '/etc/ssl/geheim.pem' }, "'tls.ca' must be a certificate in PEM"],
    ['a broken certificate', { ca: [CA.cert, broken] }, "'tls.ca' must be a certificate in PEM"],
    ['no certificate', { ca: [] }, "'tls.ca' must be at least one certificate in PEM"],
    ['a key for an authority', { ca: key }, "'tls.ca' must be a certificate in PEM"],
    ['a number', { ca: [1] }, "'tls.ca' must be a certificate in PEM"],
    ['a function', { ca: () => CA.cert }, "'tls.ca' must be a certificate in PEM"],
    ['a certificate alone', { cert }, "'tls.cert' and 'tls.key' must be set together"],
    ['a key alone', { key }, "'tls.cert' and 'tls.key' must be set together"],
    ['the two exchanged', { cert: key, key: cert }, "'tls.cert' must be a certificate in PEM"],
    ['a certificate as key', { cert, key: cert }, "'tls.key' must be an unencrypted private key in PEM"],
    ['an encrypted key', { cert, key: encrypted }, "'tls.key' must be an unencrypted private key in PEM"],
    [
      'the key of another certificate',
      { cert, key: CA.key },
      "'tls' was rejected by OpenSSL: ERR_OSSL_X509_KEY_VALUES_MISMATCH",
    ],
  ])('%s', (_name, tls, reason) => {
    const message = refusedWith({ tls });
    expect(message).toContain(reason);
    expect(message).not.toContain('geheim');
    for (const pem of [cert, key, CA.cert, CA.key]) expect(message).not.toContain(pem.slice(30, 60));
  });
});

describe('headers', () => {
  const HEADERS = {
    'X-Gateway-Key': 'g4tew4y+S3cret',
    'x-tenant': 'Zürich',
    'x-empty': '',
    'User-Agent': 'mine',
  };

  test('are sent with each request, including retries, beside our own', async () => {
    await bench.api.script([{ type: 'answer', status: 500 }]);
    await using trial = new Trial({ host: bench.api.url, headers: HEADERS });
    trial.track();
    expect(trial.flush(20_000)).toMatchObject({ delivered: 1 });
    const requests = await bench.api.requests();
    expect(requests).toHaveLength(2);
    for (const { headers, writeKey } of requests) {
      expect(writeKey).toBe('KEY');
      expect(headers).toMatchObject({
        'x-gateway-key': 'g4tew4y+S3cret',
        'x-tenant': 'Zürich',
        'x-empty': '',
        'user-agent': 'mine',
        'content-type': 'application/json',
        host: new URL(bench.api.url).host,
      });
    }
    expect(requests[1]?.headers['x-retry-count']).toBe('1');
  });

  test('are copied at construction, with names in lower case', async () => {
    expect((await workerSettings({ headers: HEADERS })).headers).toEqual({
      'x-gateway-key': 'g4tew4y+S3cret',
      'x-tenant': 'Zürich',
      'x-empty': '',
      'user-agent': 'mine',
    });
    expect((await workerSettings({})).headers).toEqual({});
  });

  test.each<[string, unknown, string]>([
    ['a list', ['x-gateway-key', 'geheim'], 'a plain object of strings'],
    ['Headers', new Headers({ 'x-gateway-key': 'geheim' }), 'a plain object of strings'],
    ['a Map', new Map([['x-gateway-key', 'geheim']]), 'a plain object of strings'],
    ['a function', () => ({ 'x-gateway-key': 'geheim' }), 'a plain object of strings'],
    ['text', 'x-gateway-key: geheim', 'a plain object of strings'],
    ['null', null, 'a plain object of strings'],
    [
      'a function as value',
      { 'x-gateway-key': () => 'geheim' },
      "a string of Latin-1 characters without line breaks for 'x-",
    ],
    [
      'a number',
      { 'x-gateway-key': 1 },
      "a string of Latin-1 characters without line breaks for 'x-gateway-key'",
    ],
    [
      'undefined',
      { 'x-gateway-key': undefined },
      "a string of Latin-1 characters without line breaks for 'x-gateway-key'",
    ],
    ['a list of values', { 'x-gateway-key': ['geheim'] }, 'a string of Latin-1 characters'],
    ['a line end', { 'x-gateway-key': 'a\r\nx-geheim: b' }, 'without line breaks'],
    ['a letter no header can have', { 'x-gateway-key': 'geheim €' }, 'of Latin-1 characters'],
    ['a name with a colon', { 'x-gateway-key: geheim': '' }, 'an invalid header name'],
    ['a name with a line end', { 'x\ngeheim': '' }, 'an invalid header name'],
    ['an empty name', { '': 'geheim' }, 'an invalid header name'],
    ['a name twice', { 'x-one': 'geheim', 'X-One': 'geheim' }, "has 'x-one' twice"],
    ...['Authorization', 'Content-Type', 'content-length', 'Host', 'X-Retry-Count', 'Content-Encoding'].map(
      (name): [string, unknown, string] => [
        name,
        { [name]: 'geheim' },
        `'${name.toLowerCase()}', which is a reserved header`,
      ],
    ),
    ...['Transfer-Encoding', 'Connection', 'Expect', 'Upgrade', 'Proxy-Authorization'].map(
      (name): [string, unknown, string] => [
        name,
        { [name]: 'geheim' },
        `'${name.toLowerCase()}', which is a reserved header`,
      ],
    ),
  ])('are refused at construction, without showing a value: %s', (_name, headers, reason) => {
    const message = refusedWith({ headers });
    expect(message).toContain(reason);
    expect(message).not.toContain('geheim');
  });
});
