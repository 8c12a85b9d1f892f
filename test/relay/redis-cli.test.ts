// `offthread-relay --redis`: relays as processes, on a real redis-server, with real clients.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics as Offthread } from '@offthread/sdk';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics as Segment } from '@segment/analytics-node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { selfSigned } from '../helpers/certificate.js';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';
import { freePort, RedisServer } from '../helpers/redis.js';
import {
  RELAY_KEY,
  type RelayOptions,
  type RunningRelay,
  relayCommand,
  Scratch,
  startRelay,
  until,
} from '../helpers/relay.js';

let api: TrackingApi;
let redis: RedisServer;
const relays: RunningRelay[] = [];

beforeAll(async () => {
  [api, redis] = await Promise.all([startTrackingApi(), RedisServer.start()]);
});
beforeEach(async () => {
  await api.reset();
  await redis.client().flushall();
});
afterEach(async () => {
  for (const { child, end } of relays.splice(0)) {
    child.kill('SIGKILL');
    await end;
  }
});
afterAll(async () => {
  await redis.close();
  await api.close();
});

async function start(args: string[] = [], options: RelayOptions = {}): Promise<RunningRelay> {
  const relay = await startRelay({
    args: ['--redis', redis.url, '--api-host', api.url, ...args],
    ...options,
  });
  relays.push(relay);
  return relay;
}

const send = (url: string, body: unknown) => post(url, body, { writeKey: RELAY_KEY });
const inspect = (...args: string[]) =>
  relayCommand([...args, '--redis', redis.url], { env: { OFFTHREAD_RELAY_WRITE_KEYS: RELAY_KEY } });

test('clients of all kinds are served by any relay, and nothing holds the write key', async () => {
  const [one, other] = [
    await start(['--partitions', '4', '--metrics-port', '0']),
    await start(['--partitions', '4']),
  ];
  const event = { userId: 'u1', event: 'Item Purchased', properties: { price: 39.95 } };
  const segment = new Segment({ writeKey: RELAY_KEY, host: one.url });
  const rudder = new RudderAnalytics(RELAY_KEY, { dataPlaneUrl: other.url, logLevel: 'error' });
  const offthread = new Offthread({ writeKey: RELAY_KEY, host: other.url });
  segment.track(event);
  rudder.track(event);
  offthread.track(event);
  await segment.closeAndFlush({ timeout: 10_000 });
  await new Promise((resolve) => rudder.flush(resolve));
  await offthread.close();
  await api.waitFor({ events: 3, timeoutMs: 15_000 });
  for (const received of await api.events()) expect(received).toMatchObject(event);
  await api.behave({ type: 'answer', status: 503 });
  expect((await send(one.url, batchOf(50))).status).toBe(200);
  const client = redis.client();
  for (const key of await client.keys('*')) {
    const dump = (await client.dumpBuffer(key))?.toString('latin1') ?? '';
    expect(key + dump).not.toContain(RELAY_KEY);
  }
  const metrics = await (await fetch(`${one.metricsUrl}/metrics`)).text();
  expect(metrics).not.toContain(RELAY_KEY);
  // The helper checks the output of each relay for it.
});

test('answers 503 with Retry-After while Redis is down, and goes on when it is back', async () => {
  const { url } = await start();
  expect((await send(url, batchOf(10))).status).toBe(200);
  await api.waitFor({ events: 10, timeoutMs: 15_000 });
  await redis.kill();
  const refused = await send(url, batchOf(10));
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  await redis.restart();
  await until(async () => (await send(url, { batch: [trackEvent({ messageId: 'later' })] })).status === 200);
  await until(async () => (await api.messageIds()).includes('later'));
});

test('answers 503 while Redis is out of memory, and delivers what it has', async () => {
  const { url } = await start();
  await api.behave({ type: 'answer', status: 503 });
  expect((await send(url, batchOf(10))).status).toBe(200);
  const client = redis.client();
  await client.config('SET', 'maxmemory', '1');
  expect((await send(url, batchOf(10))).status).toBe(503);
  await api.behave({ type: 'ok' });
  await api.waitFor({ events: 10, timeoutMs: 20_000 });
  await client.config('SET', 'maxmemory', '0');
  expect((await send(url, batchOf(10))).status).toBe(200);
});

test('a relay that is killed is replaced, and what it has answered arrives', async () => {
  const [one, other] = [await start(['--partitions', '2']), await start(['--partitions', '2'])];
  const answered: string[] = [];
  const all: Promise<void>[] = [];
  let count = 0;
  const users = setInterval(() => {
    const url = count % 2 === 0 || one.child.killed ? other.url : one.url;
    const messageId = `killed-${count++}`;
    const event = trackEvent({ messageId, userId: `user-${count % 10}` });
    const sent = send(url, { batch: [event] }).then(
      ({ status }) => void (status === 200 && answered.push(messageId)),
      () => {},
    );
    all.push(sent);
  }, 5);
  await until(async () => (await api.counts()).events > 50);
  one.child.kill('SIGKILL');
  await until(() => answered.length > 300);
  clearInterval(users);
  await Promise.all(all);
  const arrived = async () => new Set(await api.messageIds());
  await until(async () => (await arrived()).size >= answered.length, 25_000);
  const ids = await arrived();
  expect(answered.filter((id) => !ids.has(id))).toEqual([]);
}, 60_000);

test('status, dead and doctor say what is in Redis, whatever the number of partitions', async () => {
  const { url, stop } = await start(['--partitions', '4']);
  await api.rules([
    { match: { eventName: 'Refused' }, behaviour: { type: 'answer', status: 400 } },
    { match: {}, behaviour: { type: 'answer', status: 503 } },
  ]);
  await send(url, { batch: [trackEvent({ messageId: 'refused', event: 'Refused', userId: 'a' })] });
  await until(async () => (await inspect('status')).stdout.includes('1 dead letter'));
  await send(url, { batch: [trackEvent({ messageId: 'waits', userId: 'b' })] });
  const status = JSON.parse((await inspect('status', '--json')).stdout);
  expect(status).toMatchObject({
    events: 1,
    deadLetters: 1,
    source: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect((await inspect('dead', 'ls')).stdout).toMatch(/rejected 400 .*"messageId":"refused"/);
  expect(await stop()).toMatchObject({ code: 0 });
  await api.rules([]);
  expect(await inspect('dead', 'replay', '--all')).toMatchObject({ code: 0 });
  await start(['--partitions', '4']);
  await api.waitFor({ events: 2, timeoutMs: 15_000 });
  const { code, stdout } = await inspect('doctor', '--api-host', api.url);
  expect([code, stdout]).toEqual([0, expect.stringContaining('✓ appendfsync is always')]);
});

test('status shows what waits for a write key that is not listed, and says that it is not delivered', async () => {
  const key = 'Key-of-a-source-that-was-removed';
  const args = ['--redis', redis.url, '--api-host', api.url, '--partitions', '4'];
  const before = await startRelay({ args, keys: [key] });
  relays.push(before);
  await api.behave({ type: 'answer', status: 503 });
  const users = ['a', 'b', 'c', 'd', 'e'].map((userId) => trackEvent({ userId }));
  expect((await post(before.url, { batch: users }, { writeKey: key })).status).toBe(200);
  await before.stop();
  await redis.client().config('RESETSTAT');
  const lines = (await inspect('status')).stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^[0-9a-f]{32} {2}0 events, 0\.0 MB$/);
  expect(lines[1]).toMatch(
    /^[0-9a-f]{32} {2}5 events, 0\.0 MB, since 20\d\d-.*Z, not delivered by relays with these write keys/,
  );
  const [listed, unlisted] = (await inspect('status', '--json')).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect([listed, unlisted]).toMatchObject([{ events: 0 }, { isListed: false, events: 5 }]);
  const known = await relayCommand(['status', '--redis', redis.url], {
    env: { OFFTHREAD_RELAY_WRITE_KEYS: key },
  });
  expect(known.stdout).not.toContain('not delivered');
  // Others may use this Redis too, with millions of keys.
  expect(await redis.client().info('commandstats')).not.toMatch(/cmdstat_(scan|keys):/);
});

test('replay leaves dead letters of a write key that is not listed, and says so', async () => {
  const key = 'Key-of-a-source-that-was-removed';
  const args = ['--redis', redis.url, '--api-host', api.url];
  const before = await startRelay({ args, keys: [key, RELAY_KEY] });
  relays.push(before);
  await api.behave({ type: 'answer', status: 400 });
  for (const writeKey of [key, RELAY_KEY])
    expect((await post(before.url, { batch: [trackEvent({})] }, { writeKey })).status).toBe(200);
  await until(async () => /^2 dead letters\.$/m.test((await inspect('dead', 'ls')).stdout));
  await before.stop();
  const { code, stdout, stderr } = await inspect('dead', 'replay', '--all');
  expect([code, stdout]).toEqual([1, '1 event will be delivered again.\n']);
  expect(stderr).toMatch(
    /^offthread-relay: 1 dead letter of source [0-9a-f]{32} cannot be replayed: its write key is not listed\n$/,
  );
  expect((await inspect('dead', 'ls')).stdout).toMatch(/\n1 dead letter\.\n$/);
});

test('a relay with another number of partitions is not ready, and status and doctor say why', async () => {
  await api.behave({ type: 'answer', status: 503 });
  // Both may start, because nothing waits.
  const [four, two] = [await start(['--partitions', '4']), await start(['--partitions', '2'])];
  const users = ['a', 'b', 'c', 'd', 'e', 'f'].map((userId) => trackEvent({ userId }));
  expect((await send(four.url, { batch: users })).status).toBe(200);
  expect((await send(two.url, { batch: users })).status).toBe(503);
  const probe = await fetch(`${two.url}/readyz`);
  expect([probe.status, await probe.json()]).toEqual([
    503,
    {
      status: 'not ready',
      reason: 'events of a source wait in 4 partitions, and this relay has 2',
    },
  ]);
  expect((await fetch(`${four.url}/readyz`)).status).toBe(200);
  await until(async () => !(await inspect('status')).stdout.includes('no relay delivers'));
  await four.stop();
  await until(async () =>
    /6 events, .*, no relay delivers partitions? (2|3|2, 3) now\n$/.test((await inspect('status')).stdout),
  );
  const { undelivered } = JSON.parse((await inspect('status', '--json')).stdout);
  expect([[2], [3], [2, 3]]).toContainEqual(undelivered);
  const { code, stdout } = await inspect('doctor', '--partitions', '2', '--api-host', api.url);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /✗ events of source [0-9a-f]{32} wait in 4 partitions, and --partitions is 2\. Pass --partitions 4/,
  );
  await api.behave({ type: 'ok' });
  await start(['--partitions', '4']);
  await api.waitFor({ events: 6, timeoutMs: 20_000 });
  await until(async () => (await fetch(`${two.url}/readyz`)).status === 200);
  expect((await send(two.url, { batch: users })).status).toBe(200);
});

test('settings that Redis does not allow end it with a remedy', async () => {
  const { url, stop } = await start(['--partitions', '2']);
  await api.behave({ type: 'answer', status: 503 });
  await send(url, batchOf(10));
  await stop();
  const keys = { env: { OFFTHREAD_RELAY_WRITE_KEYS: RELAY_KEY } };
  const [other, nowhere, examined] = await Promise.all([
    relayCommand(['--port', '0', '--redis', redis.url, '--partitions', '3'], keys),
    relayCommand(['--port', '0', '--redis', 'redis://127.0.0.1:1'], keys),
    relayCommand(['doctor', '--redis', 'redis://127.0.0.1:1', '--api-host', api.url], keys),
  ]);
  expect(other.code).toBe(1);
  expect(other.stderr).toMatch(/^offthread-relay: .*wait in 2 partitions; pass --partitions 2/);
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toMatch(/Redis at 127\.0\.0\.1:1 can't be used: .*Check that Redis runs there/);
  expect([examined.code, examined.stderr]).toEqual([1, '']);
  expect(examined.stdout).toContain("✗ Redis at 127.0.0.1:1 can't be used");
});

test('rediss: reaches Redis by TLS, and trusts only known certificates', async () => {
  const scratch = new Scratch();
  const port = await freePort();
  const { cert, key } = selfSigned();
  const ca = scratch.write('cert.pem', cert);
  const secure = await RedisServer.start({
    'tls-port': String(port),
    'tls-cert-file': ca,
    'tls-key-file': scratch.write('key.pem', key),
    'tls-ca-cert-file': ca,
    'tls-auth-clients': 'no',
    requirepass: 'right-word',
  });
  try {
    const env = {
      OFFTHREAD_RELAY_REDIS: `rediss://:right-word@127.0.0.1:${port}`,
      OFFTHREAD_RELAY_WRITE_KEYS: RELAY_KEY,
    };
    const refused = await relayCommand(['--port', '0'], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/Redis at 127\.0\.0\.1:\d+ can't be used: self-signed certificate/);
    expect(refused.stderr).not.toContain('right-word');
    const relay = await startRelay({
      args: ['--api-host', api.url],
      env: { ...env, NODE_EXTRA_CA_CERTS: ca },
    });
    relays.push(relay);
    expect((await send(relay.url, batchOf(10))).status).toBe(200);
    await api.waitFor({ events: 10, timeoutMs: 15_000 });
    expect(JSON.stringify(relay.log)).not.toContain('right-word');
  } finally {
    await secure.close();
    scratch.remove();
  }
});
