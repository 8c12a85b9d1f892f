// The memory events lie in has one owner at a time: no event is ever sent with another source's key, or as another event,
// whatever the main thread drops while the worker still reads it.
import { createHash } from 'node:crypto';
import type { ReceivedEvent } from '@offthread/devtools';
import { expect, test } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { upTo, withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Closes under load, of which one in twenty must run out of time while a request is out. */
const CLOSES = 2_000;

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Clients that stay; keys of one length, so that events have one size. */
const STANDING = ['stays--0', 'stays--1', 'stays--2'];

/** An event that shows where it belongs: all of them have the same size. */
function eventOf(writeKey: string, number: number): { userId: string; event: string; properties: object } {
  const n = String(number).padStart(9, '0');
  return { userId: `u${n}`, event: 'E', properties: { n, writeKey, hash: hash(`${writeKey} ${n}`) } };
}

/** What is wrong with an event that arrived under this key. */
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

test('what close() drops is not written over while the worker still has it', async () => {
  const other = bench.open({ writeKey: 'other' });
  await bench.api.rules([
    { match: { writeKey: 'first' }, behaviour: { type: 'answer', status: 500, delayMs: 200 } },
  ]);
  const closed = bench.open({
    writeKey: 'first',
    onError: () => {
      other.track(eventOf('other', 2));
      // Time for the retry of what was dropped, where anybody still makes one.
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
  expect(sentBefore).toBe(1);
  expect((await bench.api.counts()).requests).toBe(1);
});

test('what a process that ends has no time for is not written over, and not sent once it is reported', async () => {
  await bench.api.rules([
    { match: { writeKey: 'late' }, behaviour: { type: 'answer', status: 500, delayMs: 800 } },
  ]);
  const { code, stdout } = await runFixture('late-and-busy.mjs', [bench.api.url]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'exit_timeout 1\n' });
  const requests = await bench.api.requests();
  expect(requests.filter(({ writeKey }) => writeKey === 'late')).toHaveLength(1);
  expect(requests.filter(({ writeKey }) => writeKey === 'other')).toHaveLength(1);
  expect(await faults()).toEqual([]);
});

test(`of ${CLOSES} closes under load, many of them out of time, none has an event sent as another`, {
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
          // Into the memory of what was lost, if anybody gave it back.
          for (let each = 0; each < count; each++) trackOn(index);
        },
      });
      for (const _ of upTo(8)) client.track(eventOf(writeKey, ++number));
      // Until a request is out.
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
