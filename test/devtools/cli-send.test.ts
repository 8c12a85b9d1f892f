// One event from the command line: it arrives as it was given, and the exit code says whether.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { offthread, SECRET } from '../helpers/cli.js';
import { startProxy } from '../helpers/middlebox.js';

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(() => api.close());

function send(...args: string[]) {
  return offthread(['send', ...args, '--host', api.url]);
}

const common = { context: { ip: '203.0.113.7' }, integrations: { All: false }, messageId: 'message-1' };
const commonArgs = [
  ...['--context', JSON.stringify(common.context), '--integrations', JSON.stringify(common.integrations)],
  ...['--message-id', common.messageId, '--timestamp', '2019-05-01T12:00:00Z'],
];

test.each([
  [
    'track',
    ['--user-id', '42', '--event', 'Order Completed', '--properties', '{"revenue":39.95}'],
    { userId: '42', event: 'Order Completed', properties: { revenue: 39.95 } },
  ],
  [
    'identify',
    ['--user-id', '42', '--anonymous-id', 'v7', '--traits', '{"email":"ada@example.com"}'],
    { userId: '42', anonymousId: 'v7', traits: { email: 'ada@example.com' } },
  ],
  [
    'page',
    ['--anonymous-id', 'v7', '--name', 'Pricing', '--category', 'Docs', '--properties', '{"a":1}'],
    { anonymousId: 'v7', name: 'Pricing', category: 'Docs', properties: { a: 1, category: 'Docs' } },
  ],
  ['screen', ['--user-id', '42', '--name', 'Settings'], { userId: '42', name: 'Settings' }],
  [
    'group',
    ['--user-id', '42', '--group-id', 'acme', '--traits', '{"plan":"team"}'],
    { userId: '42', groupId: 'acme', traits: { plan: 'team' } },
  ],
  ['alias', ['--user-id', '42', '--previous-id', 'v7'], { userId: '42', previousId: 'v7' }],
])('%s arrives with every field given, and the exit code is 0', async (type, args, fields) => {
  const { code, stdout, stderr } = await send(type, ...args, ...commonArgs);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Delivered: ${type} message-1, in \\d+ ms\n$`));
  const [event, ...more] = await api.events();
  expect(more).toEqual([]);
  const { library: _, ...context } = event?.context ?? {};
  expect({ ...event, context }).toEqual({
    type,
    ...common,
    ...fields,
    timestamp: '2019-05-01T12:00:00.000Z',
  });
});

test('the write key comes from the environment variable, and the option takes precedence', async () => {
  const args = ['send', 'identify', '--user-id', '1', '--host', api.url];
  await offthread(args);
  await offthread([...args, '--write-key', SECRET], { env: { OFFTHREAD_WRITE_KEY: 'another' } });
  expect((await api.requests()).map(({ writeKey }) => writeKey)).toEqual([SECRET, SECRET]);
});

test('milliseconds and numbers beyond 2^53 arrive exactly', async () => {
  const properties =
    '{"order":12345678901234567890,"text":"12345678901234567890","small":0.1,"n":-9007199254740993}';
  await send('track', '-u', '1', '-e', 'Ordered', '--timestamp', '1556712000000', '--properties', properties);
  expect(await api.events()).toMatchObject([
    {
      timestamp: '2019-05-01T12:00:00.000Z',
      properties: {
        order: '12345678901234567890',
        text: '12345678901234567890',
        small: 0.1,
        n: '-9007199254740993',
      },
    },
  ]);
});

test('--json prints one object, whatever the outcome', async () => {
  const delivered = await send('identify', '--user-id', '1', '--json');
  expect(delivered.code).toBe(0);
  expect(JSON.parse(delivered.stdout)).toEqual({
    status: 'delivered',
    type: 'identify',
    messageId: (await api.messageIds())[0],
    elapsedMs: expect.any(Number),
  });
  await api.behave({ type: 'answer', status: 403 });
  const failed = await send('identify', '--user-id', '1', '--json');
  expect(failed.code).toBe(1);
  expect(JSON.parse(failed.stdout)).toMatchObject({
    status: 'failed',
    code: 'rejected',
    httpStatus: 403,
    attempts: 1,
  });
});

test('an event that is refused exits with 1 and says on stderr what to do', async () => {
  await api.behave({ type: 'answer', status: 401 });
  expect(await send('identify', '--user-id', '1')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^offthread: not delivered: .*401.*Check the write key\.\n$/),
  });
});

test('a reply that does not arrive in time exits with 1', async () => {
  await api.behave({ type: 'hang' });
  expect(await send('identify', '--user-id', '1', '--timeout', '700')).toMatchObject({ code: 1, stdout: '' });
});

test('a refused connection exits with 1 and the reason', async () => {
  const { code, stdout, stderr } = await offthread([
    'send',
    'identify',
    '-u',
    '1',
    '--host',
    'http://127.0.0.1:1',
  ]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/ECONNREFUSED.*offthread doctor/);
});

test('an event over 32 KB exits with 1 and is not sent', async () => {
  const properties = JSON.stringify({ filling: 'x'.repeat(33_000) });
  const { code, stderr } = await send('track', '-u', '1', '-e', 'Big', '--properties', properties);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('32768 bytes') });
  expect(await api.counts()).toMatchObject({ requests: 0 });
});

test('a mistake in the command exits with 2, says what it is, and sends nothing', async () => {
  const mistakes: [string[], RegExp][] = [
    [['track', '--user-id', '1'], /required option '-e, --event <name>'/],
    [['track', '--event', 'Done'], /needs --user-id or --anonymous-id/],
    [['track', '-u', '1', '-e', 'Done', '--properties', '{"a"'], /--properties.*Expected a JSON object/],
    [['track', '-u', '1', '-e', 'Done', '--timestamp', 'yesterday'], /timestamp/],
    [['identify', '-u', '1', '--region', 'eu'], /--host.*--region|--region.*--host/],
    [['identify', '-u', '1', '--write-keys', SECRET], /unknown option '--write-keys'/],
    [['trakc'], /unknown command 'trakc'/],
  ];
  const ends = await Promise.all(mistakes.map(([args]) => send(...args)));
  for (const [index, { code, stdout, stderr }] of ends.entries()) {
    expect({ code, stdout }, mistakes[index]?.[0].join(' ')).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(mistakes[index]?.[1] ?? '');
  }
  const keyless = await offthread(['send', 'identify', '-u', '1'], {
    env: { OFFTHREAD_WRITE_KEY: undefined },
  });
  expect(keyless).toMatchObject({ code: 2, stderr: expect.stringContaining('OFFTHREAD_WRITE_KEY') });
  expect(await api.counts()).toMatchObject({ requests: 0 });
});

test('--help has examples, and does not show the write key that is set', async () => {
  const [all, one] = await Promise.all([
    offthread(['send', '--help']),
    offthread(['send', 'group', '--help']),
  ]);
  expect(all).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('Exit code: 0 delivered'),
  });
  expect(one).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/Example:\n {2}\$ offthread send group/),
  });
});

test('it uses the proxy in the environment', async () => {
  await using proxy = await startProxy({ to: ['127.0.0.1', api.port], auth: 'user:geheim' });
  const args = ['track', '--user-id', '42', '--event', 'E', '--allow-insecure-host'];
  const { code, stderr } = await offthread(['send', ...args, '--host', 'http://api.offthread.test'], {
    env: { HTTP_PROXY: `http://user:geheim@127.0.0.1:${proxy.port}` },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(await api.events()).toMatchObject([{ event: 'E' }]);
  expect((await proxy.look()).seen).toMatchObject([{ target: 'api.offthread.test:80' }]);
});

test('the first failure is reported before the retries, and the last one when time is up', async () => {
  await api.script([
    { type: 'answer', status: 503, body: 'busy' },
    { type: 'answer', status: 500 },
  ]);
  const { code, stderr } = await send('track', '-u', '1', '-e', 'Tried');
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'offthread: status 503, busy; trying again\n' });

  await api.behave({ type: 'answer', status: 429, headers: { 'retry-after': '60' }, body: 'slow' });
  const late = await send('track', '-u', '1', '-e', 'Tried', '--timeout', '1500');
  expect(late.code).toBe(1);
  expect(late.stderr).toMatch(
    /^offthread: status 429, slow; trying again\noffthread: not delivered: The API did not take it within 1500 ms: status 429, slow\n$/,
  );
});
