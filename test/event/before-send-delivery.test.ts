// What the API receives of a client with `beforeSend`.
import { expect, test } from 'vitest';
import { flushed, withApi } from '../helpers/with-api.js';

const bench = withApi();

test('an event is sent as changed in every attempt, and onError gets the changed event', async () => {
  await bench.api.script([
    { type: 'answer', status: 503 },
    { type: 'answer', status: 403 },
  ]);
  const analytics = bench.open({
    beforeSend: (event) => ({ ...event, properties: { card: '****', cents: 9007199254740993n } }),
  });
  analytics.track({ userId: 'u', event: 'e', properties: { card: '4000 1234' } });
  flushed(analytics);
  const bodies = await Promise.all([1, 2].map((sequence) => bench.api.body(sequence)));
  for (const body of bodies)
    expect(body).toContain('"properties":{"card":"****","cents":"9007199254740993"}');
  expect(bench.errors[0]?.events).toMatchObject([{ properties: { card: '****' } }]);
});

test("a dropped event isn't a failure of an asynchronous flush", async () => {
  await bench.api.behave({ type: 'ok', delayMs: 100 });
  const analytics = bench.open({ beforeSend: (event) => (event.event === 'drop' ? null : event) });
  analytics.track({ userId: 'u', event: 'keep' });
  const flush = analytics.flushAsync(20_000);
  analytics.track({ userId: 'u', event: 'drop' });
  expect(await flush).toMatchObject({ status: 'ok', delivered: 1, failed: 0 });
  expect(analytics.stats()).toMatchObject({ accepted: 2, delivered: 1, dropped: { before_send: 1 } });
});

test('dropping some of many events leaves the others in order, each with its own callback', async () => {
  const analytics = bench.open({
    beforeSend: (event) => (Number(event.properties?.['n']) % 3 ? event : null),
  });
  const ends: string[] = [];
  for (let n = 0; n < 30; n++) {
    analytics.track({ userId: 'u', event: 'e', properties: { n } }, (error) =>
      ends.push(error?.code ?? 'ok'),
    );
  }
  flushed(analytics);
  const kept = (await bench.api.events()).map(({ properties }) => properties?.['n']);
  expect(kept).toEqual(Array.from({ length: 30 }, (_, n) => n).filter((n) => n % 3));
  expect(ends.sort()).toEqual([...Array(10).fill('before_send'), ...Array(20).fill('ok')]);
  expect(await bench.api.counts()).toMatchObject({ duplicates: 0 });
  expect(analytics.stats()).toMatchObject({ accepted: 30, delivered: 20, dropped: { before_send: 10 } });
});
