// Generated programs use clients while the worker and the API fail: every event is accounted for by its id. Each
// program is compared with a model of its expected results.

import { type RequestRecord, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { ErrorCode } from '@offthread/sdk';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orderAll, workers } from '../fixtures/crashing.mjs';
import { commands, healed, type Model, REQUEST_TIMEOUT_MS } from '../helpers/model-commands.js';
import { type Entry, keyOf } from '../helpers/subject.js';

// After the import above, which replaces the Worker class.
const { version } = await import('@offthread/sdk');
const { Subject } = await import('../helpers/subject.js');

const { OFFTHREAD_MODEL_SEED = '20261124', OFFTHREAD_MODEL_RUNS = '30' } = process.env;
const seed = OFFTHREAD_MODEL_SEED === 'random' ? Date.now() % 2 ** 31 : Number(OFFTHREAD_MODEL_SEED);
const numRuns = Number(OFFTHREAD_MODEL_RUNS);

/** Milliseconds for the last close: a pause of a second, or a dead worker that doesn't answer, on a busy machine. */
const CLOSE_MS = 25_000;

let api: TrackingApi;

beforeAll(async () => {
  api = await startTrackingApi();
  orderAll({ when: 'broadcast', manner: 'exit', random: 0.02 });
}, 60_000);
afterAll(() => api?.close());

const setup = fc.record({
  batchSize: fc.constantFrom(1, 3, 10),
  linger: fc.constantFrom(0, 0, 20),
  maxRetries: fc.constantFrom(0, 1, 5),
  gzip: fc.boolean(),
  /** Number of events from which the API refuses a request as too large. */
  tooMany: fc.constantFrom(2, 4, 11),
});

test('every event is delivered or reported as lost exactly once, and nothing else arrives', {
  timeout: 600_000,
}, async () => {
  const reached = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      setup,
      fc.commands(commands, { maxCommands: 40, size: 'max' }),
      async ({ tooMany, ...settings }, program) => {
        await begin(tooMany);
        const before = workers.length;
        const open = (writeKey: string) =>
          new Subject({
            writeKey,
            host: api.url,
            requestTimeout: REQUEST_TIMEOUT_MS,
            maxQueueSize: 30,
            flushOnExit: false,
            ...(writeKey === 'other' && { redact: ['properties.secret'] }),
            ...settings,
          });
        const [one, other] = [open('one'), open('other')];
        [one.neighbour, other.neighbour] = [other, one];
        const world = { api, subjects: [one, other] };
        const model: Model = { hurried: false, held: false, faulty: false, down: false };
        try {
          await fc.asyncModelRun(() => ({ model, real: world }), program);
        } finally {
          await healed(model, world);
          for (const subject of world.subjects) {
            const { isClosed } = subject;
            const { status } = await subject.close(CLOSE_MS);
            if (!isClosed && !model.held) expect(status).not.toBe('timeout');
          }
        }
        const threads = workers.length - before;
        const entries = world.subjects.map(({ entries }) => [...entries.values()]);
        for (const subject of world.subjects) await subject.settle();
        const codes = new Set(entries.flat().flatMap(({ losses }) => losses));
        expect(possible(model, threads)).toEqual(expect.arrayContaining([...codes]));
        const requests = await api.requests();
        for (const [index, writeKey] of ['one', 'other'].entries()) {
          const own = requests.filter((request) => request.writeKey === writeKey);
          compare(entries[index] ?? [], own, threads);
        }
        for (const code of codes) reached.add(code);
        if (threads > 1) reached.add('deaths');
        if (requests.some(({ events }) => events.length > 1)) reached.add('batches');
      },
    ),
    { seed, numRuns, endOnFailure: true },
  );
  process.stdout.write(`model: seed ${seed}, ${numRuns} runs, reached ${[...reached].sort().join(', ')}\n`);
});

/** Gives each program its own API and thread, as if it were a separate process. */
async function begin(tooMany: number): Promise<void> {
  await api.reset();
  await api.behave({ type: 'ok' });
  await api.rules([
    { match: { eventName: 'Poison' }, behaviour: { type: 'answer', status: 400 } },
    { match: { minEvents: tooMany }, behaviour: { type: 'answer', status: 413 } },
  ]);
  // Grows with each thread that doesn't answer, up to ten seconds, as long as the process runs.
  const shared: unknown = Reflect.get(globalThis, Symbol.for(`@offthread/sdk/thread/${version}`));
  expect(shared).toHaveProperty('maxSilence');
  Reflect.set(Object(shared), 'maxSilence', 1_000);
}

/** The codes with which events may be lost. */
function possible(model: Model, threads: number): ErrorCode[] {
  const codes: ErrorCode[] = ['event_too_large', 'rejected'];
  if (model.hurried || model.held) codes.push('closed');
  if (model.faulty) codes.push('retries_exhausted');
  if (threads >= 3) codes.push('worker_crashed');
  return codes;
}

/** Compares the record of a client with what the API received from it. */
function compare(entries: readonly Entry[], requests: readonly RequestRecord[], threads: number): void {
  const known = new Map(entries.map((entry) => [entry.key, entry]));
  const arrived = new Map<string, { ids: Set<unknown>; answered: number }>();
  for (const { events, accepted, state } of requests) {
    for (const event of events) {
      const key = keyOf(event);
      expect(known.has(key), `${key} was sent but never accepted`).toBe(true);
      if (!accepted) continue;
      const arrival = arrived.get(key) ?? { ids: new Set(), answered: 0 };
      arrived.set(key, arrival);
      arrival.ids.add(event.messageId);
      if (state === 'answered') arrival.answered++;
    }
  }
  for (const { key, kind, acceptances, losses } of entries) {
    const delivered = acceptances - losses.length;
    const arrival = arrived.get(key);
    if (delivered > 0) expect(arrival, `${key} was reported as delivered but did not arrive`).toBeDefined();
    if (kind === 'too large') expect(delivered, key).toBe(0);
    for (const code of losses) {
      if (code === 'rejected') expect(kind).toMatch(/^poisonous/);
      if (code === 'event_too_large') expect(kind).toBe('too large');
    }
    if (arrival === undefined) continue;
    expect(arrival.ids.size, `${key} has more than one messageId`).toBe(1);
    // Every reply is processed, except one of a thread that died before it reported the reply.
    const most = acceptances + Math.max(0, threads - 1);
    expect(arrival.answered, `${key} was sent again without need`).toBeLessThanOrEqual(most);
  }
  const once = entries.filter(({ acceptances, key }) => acceptances === 1 && arrived.has(key));
  const order = [...arrived.keys()].filter((key) => known.get(key)?.acceptances === 1);
  expect(order).toEqual(once.map(({ key }) => key));
}
