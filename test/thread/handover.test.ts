// Two threads share the memory of events without a lock: no event is missed, read twice, or read as another one,
// whenever the worker returns memory.
import { MessageChannel, Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { PendingEvents } from '../../packages/sdk/src/pending/pending-events.js';

const CLIENTS = 3;
const EVENTS = 10_000;
const LIMIT_MS = 60_000;

test(`${EVENTS} events are read once and in order by a thread that constantly returns their memory`, {
  timeout: 2 * LIMIT_MS,
}, async () => {
  const { port1: port, port2 } = new MessageChannel();
  const progress = new SharedArrayBuffer((CLIENTS + 3) * Int32Array.BYTES_PER_ELEMENT);
  const words = new Int32Array(progress);
  const reader = new Worker(new URL('../fixtures/reader.mjs', import.meta.url), {
    workerData: { port: port2, progress, clients: CLIENTS },
    transferList: [port2],
  });
  const ledgers = Array.from(
    { length: CLIENTS },
    (_, client) => new PendingEvents({ idPrefix: `${client}-`, library: '{}' }),
  );
  const end = performance.now() + LIMIT_MS;
  let slabs = 0;
  /** Settles what was read, so that its memory is reused. */
  const settle = (client: number): void => {
    const read = Atomics.load(words, client);
    const ledger = ledgers[client] as PendingEvents;
    if (read > ledger.settled) ledger.settle(read);
  };
  for (let event = 0; event < EVENTS; event++) {
    const client = event % CLIENTS;
    const ledger = ledgers[client] as PendingEvents;
    const number = ledger.accepted + 1;
    // With varying lengths, so that reused memory has frames in other places.
    const padding = '.'.repeat(1 + ((number * 7) % 300));
    const frame = {
      kind: 'track',
      time: event,
      content: `{"userId":"${client}-${number}${padding}"}`,
    } as const;
    if (!ledger.append(frame, undefined)) {
      settle(client);
      expect(ledger.open(frame, undefined, 2 ** 30)).toBe(true);
    }
    if (ledger.hasMore) {
      for (const slab of ledger.handOver()) {
        port.postMessage({ client, ...slab });
        slabs++;
      }
    }
    // Sometimes the reader finds nothing and returns memory while the next event is added.
    if (event % 5 < 3) continue;
    while (Atomics.load(words, client) < ledger.accepted && performance.now() < end);
    for (let spin = (event * 31) % 400; spin > 0; spin--) Atomics.load(words, client);
  }
  const isDone = (): boolean =>
    ledgers.every(({ accepted }, client) => Atomics.load(words, client) === accepted);
  while (!isDone() && Atomics.load(words, CLIENTS + 2) === 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(Array.from(words.subarray(0, CLIENTS))).toEqual(ledgers.map(({ accepted }) => accepted));
  port.postMessage('end');
  await reader.terminate();
  // Both outcomes of the race, many times.
  expect(Atomics.load(words, CLIENTS)).toBeGreaterThan(200);
  expect(Atomics.load(words, CLIENTS + 1)).toBeGreaterThan(0);
  expect(slabs).toBeGreaterThan(100);
});
