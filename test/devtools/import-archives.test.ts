// What archives hold goes in: events as Segment, RudderStack and warehouses store them arrive as they were sent at first.
import type { ReceivedEvent } from '@offthread/devtools';
import { expect, test } from 'vitest';
import { line, withImportFolder } from '../helpers/import-folder.js';

const folder = withImportFolder();
const TIME = '2019-05-01T12:00:00.000Z';

/** Imports the lines. All of them have to arrive. */
async function arrived(lines: readonly (string | object)[], args: string[] = []): Promise<ReceivedEvent[]> {
  folder.write(
    'events',
    lines.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
  );
  const { code, stderr } = await folder.run('events', args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return folder.api.events();
}

/** Without what the import adds: a messageId, and the library beside a context without one. */
function bare({ messageId: _, context, ...event }: ReceivedEvent): object {
  const { library: __, ...rest } = context ?? {};
  return Object.keys(rest).length === 0 ? event : { ...event, context: rest };
}

test('without a timestamp an event has its originalTimestamp, or else the time when it was received', async () => {
  const times = [
    { originalTimestamp: TIME, receivedAt: '2020-01-01T00:00:00Z' },
    { timestamp: null, originalTimestamp: TIME },
    { timestamp: '', originalTimestamp: TIME },
    { timestamp: TIME, originalTimestamp: '2020-01-01T00:00:00Z' },
    { receivedAt: TIME },
    { original_timestamp: TIME },
  ];
  const events = await arrived(times.map((time) => line(1, { timestamp: undefined, ...time })));
  expect(events.map(({ timestamp }) => timestamp)).toEqual(times.map(() => TIME));
  expect((await folder.run('events', ['--dry-run', '--json'])).stdout).toContain('"undated":0');
});

test.each([
  ['BigQuery', '2019-05-01 12:00:00 UTC'],
  ['BigQuery, with microseconds', '2019-05-01 12:00:00.000000 UTC'],
  ['Snowflake', '2019-05-01 05:00:00.000 -0700'],
  ['Snowflake, with nanoseconds', '2019-05-01 12:00:00.000000000 Z'],
  ['Redshift', '2019-05-01 12:00:00+00'],
  ['Go', '2019-05-01 12:00:00 +0000 UTC'],
  ['milliseconds as text', '1556712000000'],
])('a timestamp in the format of %s is accepted', async (_, timestamp) => {
  expect((await arrived([line(1, { timestamp })]))[0]?.timestamp).toBe(TIME);
});

test('fields that a service added at the first delivery are omitted', async () => {
  const common = { type: 'track', event: 'Ordered', anonymousId: 'a', timestamp: TIME, properties: { n: 1 } };
  const ofSegment = {
    receivedAt: TIME,
    sentAt: TIME,
    originalTimestamp: TIME,
    projectId: 'p',
    writeKey: 'w',
    channel: 'server',
    version: 2,
    _metadata: { bundled: [], unbundled: ['x'] },
  };
  const ofRudderStack = {
    userId: '',
    rudderId: 'r',
    request_ip: '203.0.113.7',
    channel: 'web',
    sourceId: 's',
    destinationId: 'd',
    receivedAt: TIME,
    sentAt: TIME,
    originalTimestamp: TIME,
    loaded_at: TIME,
    uuid_ts: TIME,
  };
  const events = await arrived([
    { ...common, ...ofSegment },
    { ...common, ...ofRudderStack },
  ]);
  expect(events.map(bare)).toEqual([common, common]);
});

test('an empty id beside the other one, empty fields of other types, and PHP’s empty arrays', async () => {
  const events = await arrived([
    {
      type: 'track',
      userId: '',
      anonymousId: 'a',
      event: 'E',
      timestamp: TIME,
      properties: [],
      context: [],
      integrations: [],
    },
    {
      type: 'track',
      userId: 'u',
      anonymousId: '',
      event: 'E',
      timestamp: TIME,
      traits: {},
      groupId: '',
      name: null,
    },
    {
      type: 'identify',
      userId: 'u',
      anonymousId: null,
      timestamp: TIME,
      event: '',
      properties: {},
      traits: [],
    },
    {
      type: 'page',
      userId: 'u',
      timestamp: TIME,
      name: '',
      category: '',
      properties: { url: 'x', list: [] },
    },
    { type: 'group', userId: 'u', groupId: 'g', timestamp: TIME, traits: {} },
  ]);
  expect(events.map(bare)).toEqual([
    { type: 'track', anonymousId: 'a', event: 'E', timestamp: TIME, properties: {}, integrations: {} },
    { type: 'track', userId: 'u', event: 'E', timestamp: TIME },
    { type: 'identify', userId: 'u', timestamp: TIME, traits: {} },
    { type: 'page', userId: 'u', timestamp: TIME, properties: { url: 'x', list: [] } },
    { type: 'group', userId: 'u', groupId: 'g', timestamp: TIME, traits: {} },
  ]);
});

test('the library of an event is kept', async () => {
  const library = { name: 'analytics-ruby', version: '2.5.0' };
  const events = await arrived([
    line(1, { context: { ip: '203.0.113.7', library } }),
    line(2, { context: { ip: '203.0.113.7' } }),
    line(3, { context: { library: null } }),
  ]);
  expect(events.map(({ context }) => context)).toEqual([
    { ip: '203.0.113.7', library },
    { ip: '203.0.113.7', library: { name: '@offthread/sdk', version: expect.any(String) } },
    { library: { name: '@offthread/sdk', version: expect.any(String) } },
  ]);
});

test('decimals beyond a double keep their digits as text, and all others stay numbers', async () => {
  const kept = [
    '12345678901234567.89',
    '0.1234567890123456789',
    '39.950000000000000001',
    '0.1000000000000000055511151231257827',
    '-1e400',
    '1.0e-400',
    '12345678901234567890',
    '123456789012345678901234567890.5',
  ];
  const numbers = [
    ['39.950000000000000000', 39.95],
    // A double with as many digits as C, Python 2 and PHP print.
    ['39.950000000000003', 39.95],
    ['0.10000000000000001', 0.1],
    ['0.30000000000000004', 0.1 + 0.2],
    ['1.7976931348623157e308', Number.MAX_VALUE],
    ['5e-324', 5e-324],
    ['9007199254740991.0', 9_007_199_254_740_991],
    // As JSON.stringify writes it: with 17 digits it would be …2.3.
    ['2181138041246062.2', 2_181_138_041_246_062.2],
    ['-0.0', 0],
    ['1E+2', 100],
  ] as const;
  const text = `{"type":"track","userId":"u","event":"E","timestamp":"${TIME}","properties":{"kept":[${kept}],"numbers":[${numbers.map(([digits]) => digits)}],"text":"12345678901234567.89"}}`;
  const [event] = await arrived([text]);
  expect(event?.properties).toEqual({
    kept,
    numbers: numbers.map(([, number]) => number),
    text: '12345678901234567.89',
  });
});

test('rows of a warehouse become the original events', async () => {
  const stamps = {
    received_at: '2019-05-01 12:00:02 UTC',
    sent_at: '2019-05-01 12:00:01 UTC',
    original_timestamp: '2019-05-01 12:00:00.5 UTC',
    uuid_ts: '2019-05-01 12:30:00 UTC',
    loaded_at: '2019-05-01 12:30:00 UTC',
    timestamp: '2019-05-01 12:00:00 UTC',
  };
  const context = {
    context_library_name: 'analytics.js',
    context_library_version: '4.1',
    context_ip: '203.0.113.7',
    context_user_agent: 'Mozilla',
    context_page_url: 'https://example.com/',
    context_campaign_source: 'letter',
    context_request_ip: '203.0.113.8',
  };
  const expectedContext = {
    library: { name: 'analytics.js', version: '4.1' },
    ip: '203.0.113.7',
    userAgent: 'Mozilla',
    page: { url: 'https://example.com/' },
    campaign: { source: 'letter' },
  };
  const track = {
    ...stamps,
    ...context,
    id: 'message-1',
    user_id: '42',
    anonymous_id: null,
    event: 'order_completed',
    event_text: 'Order Completed',
    revenue: 39.95,
    name: 'a property',
    coupon: null,
  };
  const [fromTracks] = await arrived([track], ['--type', 'track']);
  expect(fromTracks).toEqual({
    type: 'track',
    messageId: 'message-1',
    userId: '42',
    event: 'Order Completed',
    timestamp: TIME,
    context: expectedContext,
    properties: { revenue: 39.95, name: 'a property' },
  });

  await folder.api.reset();
  const others = await arrived([
    { type: 'identify', user_id: '42', ...stamps, email: 'ada@example.com', name: 'Ada', message_id: 'm1' },
    { type: 'page', anonymous_id: 'a', ...stamps, name: 'Home', category: 'Docs', path: '/', id: 'm2' },
    { type: 'group', user_id: '42', group_id: 'g', ...stamps, name: 'Acme', id: 'm3' },
    { type: 'alias', user_id: '42', previous_id: 'a', ...stamps, id: 'm4' },
    {
      type: 'track',
      user_id: '42',
      event: 'E',
      properties: '{"n":1}',
      context: { ip: 'i' },
      ...stamps,
      id: 'm5',
    },
    Object.fromEntries(
      Object.entries({ type: 'track', ...track }).map(([name, value]) => [name.toUpperCase(), value]),
    ),
  ]);
  expect(others.map(bare)).toEqual([
    { type: 'identify', userId: '42', timestamp: TIME, traits: { email: 'ada@example.com', name: 'Ada' } },
    {
      type: 'page',
      anonymousId: 'a',
      timestamp: TIME,
      name: 'Home',
      category: 'Docs',
      properties: { path: '/' },
    },
    { type: 'group', userId: '42', groupId: 'g', timestamp: TIME, traits: { name: 'Acme' } },
    { type: 'alias', userId: '42', previousId: 'a', timestamp: TIME },
    { type: 'track', userId: '42', event: 'E', timestamp: TIME, properties: { n: 1 }, context: { ip: 'i' } },
    bare(fromTracks as ReceivedEvent),
  ]);
  expect(others.map(({ messageId }) => messageId)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'message-1']);
});

test('the error for a line without a type says how to set one, and a typing error is still found', async () => {
  folder.write('events', ['{"user_id":"42","event":"e"}', line(1, { properites: {} })]);
  const { code, stderr } = await folder.run('events');
  expect(code).toBe(1);
  expect(stderr).toMatch(/line 1: .*'type'.*--type/);
  expect(stderr).toMatch(/line 2: .*did you mean 'properties'/);
  expect(await folder.run('events', ['--type', 'trakc'])).toMatchObject({ code: 2 });
});
