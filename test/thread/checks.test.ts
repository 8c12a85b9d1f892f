// Nothing is woken without need: posts are batched, deliveries are counted instead of reported, and an idle client uses
// no CPU.
import { createHook } from 'node:async_hooks';
import { MessagePort } from 'node:worker_threads';
import { expect, test, vi } from 'vitest';
import { expectBalanced, upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

const BUDGET_MS = 10_000;
const until = { timeout: BUDGET_MS, interval: 20 };

/** A little more than a second. */
const A_WHILE_MS = 1_100;

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, A_WHILE_MS));
}

test('deliveries that nothing waits for are counted in stats(), and losses are reported in order', async () => {
  // With redact, the worker reports events that are too large, after the call.
  const analytics = bench.open({ batchSize: 3, redact: ['properties.secret'] });
  const tooLarge = 'x'.repeat(40_000);
  for (const n of upTo(20)) {
    analytics.track({
      userId: 'u',
      event: 'E',
      messageId: `id-${n}`,
      properties: n % 7 === 3 ? { tooLarge } : {},
    });
  }
  await vi.waitFor(() => expect(analytics.stats().pending).toBe(0), until);
  expect(analytics.stats()).toMatchObject({ accepted: 20, delivered: 17, dropped: { event_too_large: 3 } });
  expectBalanced(analytics.stats());
  expect(bench.errors.flatMap(({ events }) => events.map(({ messageId }) => messageId))).toEqual([
    'id-3',
    'id-10',
    'id-17',
  ]);
  const received = await bench.api.events();
  expect(received.map(({ messageId }) => messageId)).toEqual(
    upTo(20)
      .filter((n) => n % 7 !== 3)
      .map((n) => `id-${n}`),
  );
});

test('a thousand clients with one event each need no more posts than one client', async () => {
  const clients = upTo(1_000).map(() => bench.open({ stub: true }));
  const post = vi.spyOn(MessagePort.prototype, 'postMessage');
  for (const client of clients) client.track({ userId: 'u', event: 'E' });
  await vi.waitFor(() => {
    for (const client of clients) expect(client.stats().delivered).toBe(1);
  }, until);
  const posts = post.mock.calls.length;
  post.mockRestore();
  expect(posts).toBeGreaterThan(0);
  expect(posts).toBeLessThan(20);
});

test('one event each millisecond for a second causes a dozen posts', async () => {
  const analytics = bench.open();
  const post = vi.spyOn(MessagePort.prototype, 'postMessage');
  let tracked = 0;
  const end = performance.now() + 1_000;
  while (performance.now() < end) {
    analytics.track({ userId: 'u', event: 'E' });
    tracked++;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await vi.waitFor(() => expect(analytics.stats().delivered).toBe(tracked), until);
  const posts = post.mock.calls.length;
  post.mockRestore();
  expect(tracked).toBeGreaterThan(posts);
  // One for each slab.
  expect(posts).toBeLessThan(20);
});

test('a callback is reported at once, with its own message', async () => {
  const analytics = bench.open();
  const heard: string[] = [];
  const called = new Promise<void>((resolve) => {
    const read = vi.spyOn(analytics, 'stats');
    analytics.track({ userId: 'u', event: 'E' }, () => {
      heard.push(`delivered ${analytics.stats().delivered}`);
      read.mockRestore();
      resolve();
    });
  });
  await called;
  expect(heard).toEqual(['delivered 1']);
});

test.for([
  ['a callback', 'Done'],
  ['onError', 'Poison'],
])(
  'what %s tracks on another client is sent, also if it runs as the last check ends',
  async ([where, event]) => {
    await bench.api.rules([{ match: { eventName: 'Poison' }, behaviour: { type: 'answer', status: 400 } }]);
    const other = bench.open({ writeKey: 'other' });
    const trackOnOther = (): void => void other.track({ userId: 'u', event: 'From the other' });
    const client = bench.open({ onError: () => where === 'onError' && trackOnOther() });
    for (const each of [client, other]) {
      each.track({ userId: 'u', event: 'Opened' });
      await each.flushAsync();
    }
    // No check is due any more.
    await rest();
    client.track({ userId: 'u', event: String(event) }, () => where === 'a callback' && trackOnOther());
    await Promise.resolve();
    await Promise.resolve();
    // The worker's message and the timer of the check are both due after this.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    await vi.waitFor(() => expect(other.stats()).toMatchObject({ accepted: 2, delivered: 2 }), until);
  },
);

/** Records the timers that the SDK starts from now on. Those of others keep the process alive. */
function watchTimers(): () => NodeJS.Timeout[] {
  const timers: NodeJS.Timeout[] = [];
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === 'Timeout') timers.push(resource as NodeJS.Timeout);
    },
  }).enable();
  return () => {
    hook.disable();
    return timers.filter((timer) => !timer.hasRef());
  };
}

test.each(['ok', 'hang'] as const)(
  'no timer runs while nothing waits, if the API answers: %s',
  async (type) => {
    await bench.api.behave({ type });
    const analytics = bench.open();
    // Earlier timers have stopped.
    await rest();
    const timers = watchTimers();
    for (const _ of upTo(50)) {
      for (const __ of upTo(20)) analytics.track({ userId: 'u', event: 'E' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await rest();
    expect(timers()).toEqual([]);
    const counts = type === 'ok' ? { delivered: 1_000 } : { pending: 1_000 };
    await vi.waitFor(() => expect(analytics.stats()).toMatchObject(counts), until);
  },
);

test('a timer runs while a callback waits, and stops when it has been called', async () => {
  const analytics = bench.open();
  await rest();
  const timers = watchTimers();
  await new Promise((resolve) => analytics.track({ userId: 'u', event: 'E' }, resolve));
  await rest();
  const own = timers();
  expect(own.length).toBeGreaterThan(0);
  expect(own.filter((timer) => Reflect.get(timer, '_destroyed') !== true)).toEqual([]);
});

test('while the worker is busy no event is posted, except for new memory', async () => {
  const analytics = bench.open();
  const post = vi.spyOn(MessagePort.prototype, 'postMessage');
  const end = performance.now() + 2_000;
  let tracked = 0;
  while (performance.now() < end) {
    analytics.track({ userId: 'u', event: 'E' });
    tracked++;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const posts = post.mock.calls.length;
  post.mockRestore();
  // About 80 bytes each. A timer would cause ten posts.
  expect(tracked).toBeLessThanOrEqual(200);
  expect(posts).toBeLessThanOrEqual(3);
  await vi.waitFor(() => expect(analytics.stats().delivered).toBe(tracked), until);
});
