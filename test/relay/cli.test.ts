// The command line of the relay, as its users run it.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, post, trackEvent } from '../helpers/raw-client.js';
import { RELAY_KEY, type RunningRelay, relayCommand, Scratch, startRelay, until } from '../helpers/relay.js';

let api: TrackingApi;
let relay: RunningRelay | undefined;
let scratch: Scratch;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(async () => {
  scratch = new Scratch();
  await api.reset();
});
afterEach(async () => {
  relay?.child.kill('SIGKILL');
  await relay?.end;
  relay = undefined;
  scratch.remove();
});
afterAll(() => api.close());

async function start(...args: string[]): Promise<RunningRelay> {
  relay = await startRelay({ args: ['--directory', scratch.at('events'), '--api-host', api.url, ...args] });
  return relay;
}

const here = () => ['--directory', scratch.at('events')];
const send = (url: string, body: unknown) => post(url, body, { writeKey: RELAY_KEY });

/** A connection for a request that is written bit by bit, and the first lines of the request. */
function upload(url: string): { socket: Socket; head: string } {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => {});
  const key = `authorization: Basic ${btoa(`${RELAY_KEY}:`)}`;
  return { socket, head: `POST /v1/batch HTTP/1.1\r\nhost: x\r\n${key}\r\n` };
}

test('--help lists every option with its variable', async () => {
  const { code, stdout } = await relayCommand(['--help']);
  expect(code).toBe(0);
  for (const flag of ['--port', '--host', '--redis', '--partitions', '--metrics-port', '--no-drain'])
    expect(stdout).toContain(flag);
  expect(stdout).toContain('OFFTHREAD_RELAY_MAX_BYTES');
  expect(stdout).toMatch(/OFFTHREAD_RELAY_DRAIN=false/);
  expect((await relayCommand(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('a bad setting ends it with exit code 2 and a remedy, before anything is made', async () => {
  for (const [args, message] of [
    [['--port', 'x'], '--port must be a whole number'],
    [[...here(), '--redis', 'redis://:secret@localhost'], 'two engines'],
    [here(), 'no write keys: pass --write-key-file'],
    [['--prot', '1'], "unknown option '--prot'"],
    [['nonsense'], 'too many arguments'],
  ] as const) {
    const env = message.startsWith('no write keys') ? {} : { OFFTHREAD_RELAY_WRITE_KEYS: 'KEY' };
    const { code, stdout, stderr } = await relayCommand(args, { env });
    expect([code, stdout], message).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^offthread-relay: /);
  }
  expect(existsSync(scratch.at('events'))).toBe(false);
});

test('a port that is taken, and a directory that is, are named with a remedy', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const keys = { env: { OFFTHREAD_RELAY_WRITE_KEYS: 'KEY' } };
  const taken = await relayCommand(['--port', String(port), ...here()], keys);
  expect([taken.code, taken.stderr]).toEqual([
    1,
    `offthread-relay: port ${port} is taken; choose another with --port, or 0 for any\n`,
  ]);
  server.close();
  await start();
  const second = await relayCommand(['--port', '0', ...here()], keys);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/another relay uses .*pass --redis to both/);
});

test('SIGTERM lets it answer what has begun, deliver what is out, and end with 0', async () => {
  const { url, stop } = await start();
  const { socket, head } = upload(url);
  const text = JSON.stringify({ batch: [trackEvent({ messageId: 'slow' })] });
  socket.write(`${head}content-length: ${text.length}\r\n\r\n${text.slice(0, 20)}`);
  // It has read what came before these.
  for (let index = 0; index < 5; index++) expect((await send(url, batchOf(10))).status).toBe(200);
  const end = stop();
  await until(() =>
    send(url, batchOf(1)).then(
      () => false,
      ({ code }) => code === 'ECONNREFUSED',
    ),
  );
  const reply = once(socket, 'data', { signal: AbortSignal.timeout(20_000) });
  socket.write(text.slice(20));
  expect(String(await reply)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await end).toMatchObject({ code: 0, stderr: '' });
  // What was not delivered is delivered by the next relay.
  await start();
  await until(async () => new Set(await api.messageIds()).size >= 51);
  expect(await api.messageIds()).toContain('slow');
});

test('an upload that does not go on does not keep it from ending with 0', { timeout: 60_000 }, async () => {
  const { url, stop } = await start();
  const { socket, head } = upload(url);
  const closed = once(socket.resume(), 'close', { signal: AbortSignal.timeout(30_000) });
  socket.write(`${head}content-length: 100\r\n\r\n{"batch":`);
  // It has read what came before this.
  expect((await send(url, batchOf(1))).status).toBe(200);
  expect(await stop()).toMatchObject({ code: 0 });
  await closed;
});

describe('status and dead', () => {
  /** A relay with three events that the API refuses, and one that it doesn't. */
  async function withRefused(): Promise<RunningRelay> {
    const running = await start();
    const match = { eventName: 'Refused' };
    await api.rules([{ match, behaviour: { type: 'answer', status: 400 } }]);
    const batch = ['r1', 'ok', 'r2', 'r3'].map((messageId) =>
      trackEvent({ messageId, event: messageId === 'ok' ? 'Fine' : 'Refused', n: 5 }),
    );
    expect((await send(running.url, { batch })).status).toBe(200);
    await until(async () => (await relayCommand(['status', ...here()])).stdout.includes('3 dead letters'));
    return running;
  }

  test('say what waits and what was refused, while the relay runs and after it', async () => {
    const { stop } = await withRefused();
    const [{ stdout }, listed] = await Promise.all([
      relayCommand(['status', '--json', ...here()]),
      relayCommand(['dead', 'ls', ...here()]),
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      events: 0,
      deadLetters: 3,
      source: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(listed.stdout).toMatch(/rejected 400 .*"messageId":"r1"/);
    expect(listed.stdout).toMatch(/3 dead letters\.\n$/);
    await stop();
    await api.stop();
    const second = await start();
    await send(second.url, batchOf(2));
    expect((await relayCommand(['status', ...here()])).stdout).toMatch(
      /^[0-9a-f]{32} {2}2 events, 0\.0 MB, since 20\d\d-.*Z, 3 dead letters\n$/,
    );
    await api.start();
  });

  test('export writes the events as they were sent', async () => {
    await withRefused();
    const { stdout } = await relayCommand(['dead', 'export', ...here()]);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event.messageId)).toEqual(['r1', 'r2', 'r3']);
    expect(lines[0]).toMatchObject({ code: 'rejected', status: 400, event: { event: 'Refused', n: 5 } });
  });

  test.each(['while the relay runs', 'before it is started again'])(
    'replay delivers them, %s',
    async (when) => {
      const { stop } = await withRefused();
      await api.rules([]);
      if (when !== 'while the relay runs') await stop();
      const [first] = (await relayCommand(['dead', 'ls', '--json', ...here()])).stdout.split('\n');
      const { id } = JSON.parse(first ?? '');
      const one = await relayCommand(['dead', 'replay', id, ...here()]);
      expect([one.code, one.stdout, one.stderr]).toEqual([0, '1 event will be delivered again.\n', '']);
      const rest = await relayCommand(['dead', 'replay', '--all', ...here()]);
      expect(rest.stdout).toBe('2 events will be delivered again.\n');
      if (when !== 'while the relay runs') await start();
      await until(async () => (await api.messageIds()).length >= 4);
      expect((await api.messageIds()).sort()).toEqual(['ok', 'r1', 'r2', 'r3']);
      expect((await relayCommand(['dead', 'ls', ...here()])).stdout).toBe('0 dead letters.\n');
    },
  );

  test('replay without ids, and of ids that are not there, fails', async () => {
    await withRefused();
    const none = await relayCommand(['dead', 'replay', ...here()]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('or pass --all')]);
    const unknown = await relayCommand(['dead', 'replay', 'unknown', ...here()]);
    expect([unknown.code, unknown.stdout]).toEqual([1, '0 events will be delivered again.\n']);
  });
});

test("status and dead name a directory that is not there, or that is not a relay's", async () => {
  for (const [directory, message] of [
    [scratch.at('nowhere'), `offthread-relay: there is no directory ${scratch.at('nowhere')}; `],
    [scratch.path, `offthread-relay: ${scratch.path} is not the directory of a relay: `],
    [scratch.write('keys', 'KEY'), `offthread-relay: ${scratch.at('keys')} is not a directory; `],
  ] as const) {
    const commands = [['status'], ['dead', 'ls']];
    const ends = commands.map((command) => relayCommand([...command, '--directory', directory]));
    for (const { code, stdout, stderr } of await Promise.all(ends)) {
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr.startsWith(message), stderr).toBe(true);
      expect(stderr).toMatch(/pass the --directory of the relay, or its --redis\n$/);
    }
  }
});

test('options before the name of a command count, unless it does not have them', async () => {
  await start();
  const elsewhere = ['--directory', scratch.at('elsewhere')];
  const [before, both, refused, deadRefused, ...dead] = await Promise.all([
    relayCommand([...here(), 'status']),
    relayCommand([...elsewhere, 'status', ...here()]),
    relayCommand(['--port', '1', 'status', ...here()]),
    relayCommand(['--port', '1', 'dead', ...here(), 'ls']),
    relayCommand([...here(), 'dead', 'ls']),
    relayCommand(['dead', ...here(), 'ls']),
    relayCommand([...elsewhere, 'dead', ...here(), 'ls']),
    relayCommand(['dead', ...elsewhere, 'ls', ...here()]),
  ]);
  expect(before.stdout).toMatch(/^[0-9a-f]{32} {2}0 events/);
  expect(both.stdout).toBe(before.stdout);
  expect(dead.map(({ stdout }) => stdout)).toEqual(Array(4).fill('0 dead letters.\n'));
  for (const [command, { code, stdout, stderr }] of [
    ['status', refused],
    ['dead', deadRefused],
  ] as const) {
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`offthread-relay: '--port' is not an option of ${command}\n`);
  }
});

test('status says which events wait for a write key that is not listed, if it is given the list', async () => {
  await api.behave({ type: 'answer', status: 503 });
  const { url, stop } = await start();
  await send(url, batchOf(2));
  await stop();
  const env = { OFFTHREAD_RELAY_WRITE_KEYS: 'another' };
  expect((await relayCommand(['status', ...here()], { env })).stdout).toMatch(
    /^[0-9a-f]{32} {2}2 events, .*, not delivered by relays with these write keys, .*\n$/,
  );
  expect((await relayCommand(['status', ...here()])).stdout).not.toContain('not delivered');
});

test('doctor says what works, what does not, and what to do', async () => {
  const env = { OFFTHREAD_RELAY_WRITE_KEYS: RELAY_KEY };
  const well = await relayCommand(['doctor', ...here(), '--api-host', api.url, '--json'], { env });
  expect(well.stderr).toBe('');
  const findings = well.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(findings).toContainEqual({ level: 'ok', message: '1 write key' });
  expect(findings.some(({ message }) => /can be written to; a sync takes/.test(message))).toBe(true);
  expect(findings.some(({ message }) => message.startsWith(`${api.url}/v1/batch answers`))).toBe(true);
  expect(well.code).toBe(0);
  const ill = await relayCommand([
    'doctor',
    '--directory',
    scratch.at('no/where'),
    '--api-host',
    'http://127.0.0.1:1',
  ]);
  expect(ill.code).toBe(1);
  expect(ill.stdout).toMatch(/✗ no write keys/);
  expect(ill.stdout).toMatch(/✗ .*no\/where cannot be written to \(ENOENT\)\. It must exist/);
  expect(ill.stdout).toMatch(/✗ http:\/\/127\.0\.0\.1:1\/v1\/batch cannot be reached: .*\. Check --api-host/);
});
