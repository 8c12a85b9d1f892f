// The SDK uses its own clock and timers: fake timers and wrong clocks can't stop a flush, an exit or a later test.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

const DAY_MS = 86_400_000;

let api: TrackingApi;
beforeAll(async () => {
  api = await startTrackingApi();
  await api.rules([{ match: { writeKey: 'HANG' }, behaviour: { type: 'hang' } }]);
});
afterAll(() => api.close());

describe.concurrent.each(['sinon', 'node:test', 'frozen'])(
  'nothing waits for the fake timers of %s',
  (fakes) => {
    test.for(['before', 'after'])('installed %s the SDK is loaded', { timeout: 60_000 }, async (when) => {
      const { code, signal, lines } = await runProgram('fake-time.mjs', { args: [api.url, fakes, when] });
      expect(Object.fromEntries(lines.map(({ what, value }) => [what, value]))).toEqual({
        callback: 'called',
        flushAsync: 'ok',
        flush: 'ok',
        'hanging flush': 'timeout',
        'hanging flushAsync': 'timeout',
        'callback afterwards': 'called',
        'counted afterwards': 2,
        close: 'ok',
        exit: { good: 0, hanging: 0 },
      });
      expect({ code, signal }).toEqual({ code: 7, signal: null });
    });
  },
);

test("a test with fake timers doesn't stop the callbacks of the next test", async () => {
  const first = bench.open();
  // Until no timer is running that was started earlier.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  vi.useFakeTimers();
  try {
    first.track({ userId: 'u', event: 'E' });
    flushed(first);
  } finally {
    vi.useRealTimers();
  }
  const second = bench.open();
  await new Promise((resolve) => second.track({ userId: 'u', event: 'E' }, resolve));
  second.track({ userId: 'u', event: 'E' });
  await vi.waitFor(() => expect(second.stats().delivered).toBe(2), { timeout: 10_000 });
});

test('the timestamp of an event is the fake time of the test', async () => {
  const analytics = bench.open();
  vi.useFakeTimers({ now: new Date('2021-03-04T05:06:07.008Z') });
  try {
    analytics.track({ userId: 'u', event: 'E' });
    flushed(analytics);
  } finally {
    vi.useRealTimers();
  }
  expect(await bench.api.events()).toMatchObject([{ timestamp: '2021-03-04T05:06:07.008Z' }]);
});

test.for(['undefined', 'far future', 'far past', 'NaN', 'text'])(
  'events have the right time if the wall clock returns %s',
  async (nonsense) => {
    const { code, lines } = await runProgram('nonsense-clock.mjs', { args: [bench.api.url, nonsense] });
    expect(code).toBe(0);
    expect(lines).toMatchObject([{ status: 'ok', restarts: 0, stats: { delivered: 3, dropped: {} } }]);
    const events = await bench.api.events();
    expect(events.map(({ event }) => event)).toEqual(['Plain', 'Exact', 'Named']);
    for (const { timestamp } of events) {
      expect(Math.abs(Date.parse(String(timestamp)) - Date.now())).toBeLessThan(DAY_MS);
    }
  },
);
