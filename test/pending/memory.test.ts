// The memory of events has one owner at a time: no event is ever sent with another source's key, or as another event,
// whatever the main thread drops while the worker still reads it.
import { createHash } from 'node:crypto';
import type { ReceivedEvent } from '@offthread/devtools';
import { expect, test } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Number of closes under load. One in twenty must time out during a request. */
const CLOSES = 2_000;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Clients that stay open. Their keys have the same length, so that all events have the same size. */
const STANDING = ['stays--0', 'stays--1', 'stays--2'];

/** An event that shows where it belongs. All of them have the same size. */
function eventOf(writeKey: string, number: number): { userId: string; event: string; properties: object } {
  const n = String(number).padStart(9, '0');
  return { userId: `u${n}`, event: 'E', properties: { n, writeKey, hash: hash(`${writeKey} ${n}`) } };
}

/** What is wrong with an event that arrived with this key, if anything. */
function faultOf({ userId, properties }: ReceivedEvent, arrivedUnder: string): string | undefined {
  const { n, writeKey, hash: sent } = Object(properties);
  if (writeKey !== arrivedUnder) return `an event of ${writeKey} was sent with the key ${arrivedUnder}`;
  return userId === `u${n}` && sent === hash(`${writeKey} ${n}`) ? undefined : `event ${n} was overwritten`;
}

async function faults(): Promise<string[]> {
  const requests = await bench.api.requests();
  return requests.flatMap(({ writeKey, events, refusal }) => {
    const found = events.map((event) => faultOf(event, String(writeKey)));
    return [...found, refusal].filter((fault) => typeof fault === 'string');
  });
}

/** Keeps the main thread busy. */
function compute(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test('events that close() drops are not overwritten while the worker still has them', async () => {
  const other = bench.open({ writeKey: 'other' });
  await bench.api.rules([
    { match: { writeKey: 'first' }, behaviour: { type: 'answer', status: 500, delayMs: 200 } },
  ]);
  const closed = bench.open({
    writeKey: 'first',
    onError: () => {
      other.track(eventOf('other', 2));
      // Enough time for a retry of dropped events, if one were made.
      compute(2_000);
    },
  });
  closed.track(eventOf('first', 1));
  await bench.api.waitFor({ requests: 1 });
  await closed.close(0);
  await other.flushAsync();
  expect(await faults()).toEqual([]);
});

test('nothing that close() reported as dropped is sent afterwards', async () => {
  await bench.api.behave({ type: 'answer', status: 500, delayMs: 100 });
  let sentBefore = 0;
  const client = bench.open({
    onError: ({ code }) => {
      if (code !== 'closed') return;
      sentBefore = client.stats().requests;
      compute(2_000);
    },
  });
  client.track(eventOf('KEY', 1));
  await bench.api.waitFor({ requests: 1 });
  await client.close(0);
  expect(sentBefore).toBeGreaterThan(0);
  expect((await bench.api.counts()).requests).toBeLessThanOrEqual(sentBefore);
});

test('events that an ending process gives up are not overwritten, and not sent after they are reported', async () => {
  await bench.api.rules([
    { match: { writeKey: 'late' }, behaviour: { type: 'answer', status: 500, delayMs: 2_500 } },
  ]);
  const { code, stdout } = await runFixture('late-and-busy.mjs', [bench.api.url]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'exit_timeout 1\n' });
  const requests = await bench.api.requests();
  expect(requests.filter(({ writeKey }) => writeKey === 'late')).toHaveLength(1);
  expect(requests.filter(({ writeKey }) => writeKey === 'other')).toHaveLength(1);
  expect(await faults()).toEqual([]);
});

test(`in ${CLOSES} closes under load, many of which time out, no event is overwritten by another one`, {
  timeout: 240_000,
}, async () => {
  let number = 0;
  let late = 0;
  const standing = STANDING.map((writeKey) => bench.open({ writeKey }));
  const trackOn = (index: number): void => {
    const at = index % STANDING.length;
    standing[at]?.track(eventOf(String(STANDING[at]), ++number));
  };
  await bench.api.behave({
    type: 'sometimes',
    probability: 0.5,
    seed: 15,
    behaviour: { type: 'answer', status: 500, delayMs: 10 },
  });
  for (const round of upTo(CLOSES / 20)) {
    const closing = upTo(20).map(async (index) => {
      const writeKey = `k${String(20 * round + index).padStart(7, '0')}`;
      const client = bench.open({
        writeKey,
        batchSize: 5,
        onError: ({ code, count }) => {
          if (code === 'closed') late++;
          // Would overwrite the lost events if their memory were reused.
          for (let each = 0; each < count; each++) trackOn(index);
        },
      });
      for (const _ of upTo(8)) client.track(eventOf(writeKey, ++number));
      // Until a request is in flight.
      await new Promise((resolve) => setTimeout(resolve, index % 5));
      await client.close(index % 4);
    });
    await Promise.all(closing);
  }
  await bench.api.behave({ type: 'ok' });
  for (const client of standing) await client.flushAsync(20_000);
  expect(late).toBeGreaterThan(CLOSES / 20);
  expect(await faults()).toEqual([]);
});
