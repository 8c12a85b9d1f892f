// The relay: what it accepts on a disk, how fast it delivers from Redis, what a backlog costs in memory, and two relays
// beside one. The API answers after 50 ms.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, Relay } from '../../test/demo/fleet-parts.js';

const BATCH = 100;
const PACED_RATE = 10_000;
/** Events after which a relay's code is compiled and its buffers are there. */
const WARM_EVENTS = 20_000;

export const title = 'Relay';
export const subjects = ['offthread'];
export const latencyMs = 50;
export const saturated = true;

/** A round takes minutes, and its figures don't vary much. */
export const rounds = 1 / 3;

export async function run({ endpoints, quick }) {
  const scratch = mkdtempSync(join(tmpdir(), 'offthread-bench-'));
  const { url } = endpoints.urls;
  const start = (...args) =>
    Relay.start({ args: ['--api-host', url, '--max-bytes', '8GiB', ...args], keys: ['bench'] });
  try {
    await endpoints.reset();
    await endpoints.hang();
    const onDisk = await start('--directory', join(scratch, 'events'));
    const accepted = await accept(onDisk, quick);
    await onDisk.kill();

    // everysec, as most run it: how fast the disk syncs isn't what is measured.
    const redis = await Redis.start(scratch, 'everysec');
    const parts = { redis, endpoints, start };
    const one = await drain(parts, { partitions: 1, relays: 1, events: quick ? 50_000 : 1_000_000 });
    await redis.flush();
    const events = quick ? 50_000 : 300_000;
    const single = await drain(parts, { partitions: 4, relays: 1, events });
    await redis.flush();
    const pair = await drain(parts, { partitions: 4, relays: 2, events });
    await redis.stop();
    return {
      ...accepted,
      drainedPerSecond: one.perSecond,
      grownMb: one.grownMb,
      fourByOnePerSecond: single.perSecond,
      fourByTwoPerSecond: pair.perSecond,
      lost: one.lost + single.lost + pair.lost,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** How many events a relay accepts, first as many as it can, then at a rate. */
async function accept(relay, quick) {
  const duration = quick ? 2 : 8;
  await post(relay, { duration: 1 });
  const before = cpuOf(relay);
  const full = await post(relay, { duration });
  const cpuSeconds = cpuOf(relay) - before;
  const paced = await post(relay, { duration, overallRate: PACED_RATE / BATCH });
  return {
    acceptedPerSecond: full.requests.average * BATCH,
    acceptedPerCpuSecond: (full['2xx'] * BATCH) / cpuSeconds,
    acceptedP99Ms: paced.latency.p99,
  };
}

/** Fills Redis while nothing is delivered, and measures how fast relays deliver it. */
async function drain({ redis, endpoints, start }, { partitions, relays, events }) {
  await endpoints.reset();
  const shared = ['--redis', redis.url, '--partitions', partitions];
  const filling = await start('--no-drain', ...shared);
  await post(filling, { amount: events / BATCH });
  const waiting = await filling.backlog();
  await filling.stop();

  const began = performance.now();
  const all = await Promise.all(Array.from({ length: relays }, () => start(...shared)));
  let received = 0;
  let first;
  let warm;
  let peak = 0;
  for (; received < waiting && performance.now() - began < 180_000; await delay(100)) {
    received = await endpoints.received();
    // From the first events on: how long a process takes to start isn't what is measured.
    if (received > 0) first ??= { time: performance.now(), received };
    // Nor what it takes for the first requests.
    if (received > WARM_EVENTS) {
      peak = Math.max(peak, memoryOf(all[0]));
      warm ??= peak;
    }
  }
  const elapsed = performance.now() - first.time;
  await Promise.all(all.map((relay) => relay.stop()));
  return {
    perSecond: ((received - first.received) * 1e3) / elapsed,
    grownMb: (peak - warm) / 2 ** 10,
    lost: waiting - received,
  };
}

/** Sends batches of events of about 500 bytes, of 100 users. */
async function post({ port }, options) {
  const events = Array.from({ length: BATCH }, (_, index) => ({
    type: 'track',
    messageId: `bench-${'0'.repeat(20)}-${index}`,
    userId: `user-${index}`,
    event: 'Order Placed',
    timestamp: '2026-11-26T12:00:00.000Z',
    properties: { total: 39.95, note: 'x'.repeat(300) },
  }));
  // Imported here, so that rendering the tables doesn't require this package.
  const { default: autocannon } = await import('autocannon');
  return autocannon({
    url: `http://127.0.0.1:${port}/v1/batch`,
    method: 'POST',
    connections: 8,
    headers: { authorization: `Basic ${btoa('bench:')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ batch: events, sentAt: '2026-11-26T12:00:00.100Z' }),
    ...options,
  });
}

/** CPU time of a process in seconds. The kernel counts hundredths. */
function cpuOf({ pid }) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Memory of a process in KB. */
function memoryOf({ pid }) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}
