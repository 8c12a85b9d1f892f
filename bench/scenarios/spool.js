// The spool: what it adds to a call on the main thread and to all threads, 20,000 events a second through the disk, and
// backlogs that another process has left: 1 GB of large events, 1,000,000 small ones, and a directory of 5,000 runs.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { costOf } from '../cost.js';
import { readCpu, usedBetween } from '../cpu.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { runOnce } from '../run.js';
import { median } from '../statistics.js';

const RATE = 5_000;
const HIGH_RATE = 20_000;
const CALLS = 2_000;
const GB = 1e9;
const MANY = 1_000_000;
const DIRECT = 200_000;
const RUNS = 5_000;

/** An event of 30 KB: the backlog is written in seconds. */
const FILLER = 'x'.repeat(30_000);

export const title = 'Spool';
export const subjects = ['offthread'];

export async function run({ endpoints, quick }, subject) {
  const directory = mkdtempSync(join(tmpdir(), 'offthread-bench-'));
  const parts = {};
  try {
    for (const part of ['cost', 'high', 'fill', 'drain', 'fillMany', 'drainMany', 'direct', 'runs']) {
      await endpoints.reset();
      if (part.startsWith('fill')) await endpoints.hang();
      const settings = { ...endpoints.urls, part, directory, quick };
      const { result } = await runOnce('spool', subject, settings, { nodeArguments: ['--expose-gc'] });
      Object.assign(parts, result);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const { drainedPerSecond, directPerSecond, ...others } = parts;
  return { ...others, drainedPerSecond, drainShare: drainedPerSecond / directPerSecond };
}

export async function measure(subject, { part, directory, quick, ...settings }) {
  const loaded = await subject.load();
  // The small events have a directory of their own: what is left of the large ones would be sent before them.
  const spool = { directory: part.endsWith('Many') ? `${directory}/many` : directory, maxBytes: 4 * GB };
  const { Analytics } = loaded;
  const create = (more) =>
    new Analytics({
      writeKey: 'bench',
      host: settings.url,
      maxQueueSize: 1_000_000,
      maxQueueBytes: 2 ** 31,
      ...more,
    });
  switch (part) {
    case 'cost':
      return costs(create({}), create({ spool }), create({ spool: { ...spool, strict: true } }), quick);
    case 'high': {
      const analytics = create({ spool });
      await analytics.stored();
      const start = performance.now();
      const tracked = await pace(HIGH_RATE, quick ? 3_000 : 10_000, 0, (n) => analytics.track(eventOf(n)));
      await analytics.flushAsync(30_000);
      const { delivered } = analytics.stats();
      const perSecond = (delivered * 1e3) / (performance.now() - start);
      await analytics.close();
      return { highPerSecond: perSecond, highLost: tracked - delivered };
    }
    case 'fill': {
      const analytics = create({ spool, flushOnExit: 'store' });
      for (let n = 0; n * FILLER.length < GB; n++) {
        analytics.track({ userId: 'u', event: 'e', properties: { n, filler: FILLER } });
        if (n % 500 === 0) await analytics.stored(30_000);
      }
      await analytics.close(0);
      return { backlogMb: analytics.stats().spool.bytes / 2 ** 20 };
    }
    case 'drain':
      return drain(create, spool);
    case 'fillMany': {
      const analytics = create({ spool, flushOnExit: 'store' });
      const many = quick ? MANY / 10 : MANY;
      for (let n = 0; n < many; n++) {
        analytics.track(eventOf(n));
        if (n % 5_000 === 0) await analytics.stored(30_000);
      }
      await analytics.close(0);
      return {};
    }
    case 'runs':
      return { lookMs: await lookAtRuns(join(directory, 'runs')) };
    case 'drainMany': {
      const { recovered, elapsed } = await sendAll(create({ spool }));
      return { drainedPerSecond: (recovered * 1e3) / elapsed };
    }
    default: {
      // As fast as the API takes what waits in memory.
      const analytics = create({});
      for (let n = 0; n < DIRECT; n++) analytics.track(eventOf(n));
      const start = performance.now();
      await analytics.flushAsync(30_000);
      const elapsed = performance.now() - start;
      const { delivered } = analytics.stats();
      await analytics.close();
      return { directPerSecond: (delivered * 1e3) / elapsed };
    }
  }
}

/** How long it takes to find out who has 5,000 runs, in milliseconds. The processes that had them are gone. */
async function lookAtRuns(directory) {
  const { findRuns } = await import('@offthread/sdk/spool');
  mkdirSync(directory);
  const digits = (n, length) => n.toString(16).padStart(length, '0');
  for (let n = 0; n < RUNS; n++)
    mkdirSync(join(directory, `${digits(0, 32)}.${digits(0, 9)}-${digits(n, 12)}.${digits(n % 50, 16)}`));
  const start = performance.now();
  const { length } = await findRuns(directory);
  return length === RUNS ? performance.now() - start : Number.NaN;
}

/** Milliseconds after which the rate is known. To send 1 GB takes about as long as a child process may run. */
const DRAIN_MS = 50_000;

/** Waits until all that others have left is sent. */
async function sendAll(analytics, look = () => {}) {
  const start = performance.now();
  while (performance.now() - start < DRAIN_MS) {
    await delay(10);
    look(performance.now() - start);
    const { recovered, oldestAge } = analytics.stats().spool;
    if (recovered > 0 && oldestAge === 0) break;
  }
  const elapsed = performance.now() - start;
  const { recovered } = analytics.stats().spool;
  await analytics.close();
  return { recovered, elapsed };
}

/** A call and an event, without the spool, with it and with `strict`, in turns. */
async function costs(without, withIt, strict, quick) {
  await Promise.all([withIt.stored(), strict.stored()]);
  const clients = { without, withIt, strict };
  const calls = { without: [], withIt: [], strict: [] };
  for (let round = 0; round < (quick ? 20 : 40); round++) {
    for (const [name, analytics] of Object.entries(clients)) {
      // Not the elapsed time: the worker and the API take the CPU from the main thread now and then.
      const before = readCpu();
      for (let n = 0; n < CALLS; n++) analytics.track(eventOf(n));
      calls[name].push(usedBetween(before, readCpu()).main);
      await analytics.flushAsync(30_000);
    }
  }
  const pairs = quick ? 3 : 6;
  const costAt = ([, analytics]) => costOf((event) => analytics.track(event), { rate: RATE, pairs });
  const costs = {};
  for (const each of Object.entries(clients)) costs[each[0]] = await costAt(each);
  await Promise.all(Object.values(clients).map((analytics) => analytics.close()));
  return {
    callRatio: median(calls.withIt) / median(calls.without),
    strictCallUs: (median(calls.strict) - median(calls.without)) / CALLS,
    addedMainUs: costs.withIt.netMainUs - costs.without.netMainUs,
    addedAllUs: costs.withIt.netAllUs - costs.without.netAllUs,
    strictMainUs: costs.strict.netMainUs - costs.without.netMainUs,
  };
}

async function drain(create, spool) {
  // A thread that has sent something: what it takes for that is not the backlog's.
  const warm = create({ writeKey: 'warm' });
  warm.track(eventOf(0));
  await warm.flushAsync(30_000);
  globalThis.gc();
  const before = process.memoryUsage.rss();
  const analytics = create({ spool });
  let first = Number.NaN;
  let peak = 0;
  const { recovered, elapsed } = await sendAll(analytics, (time) => {
    peak = Math.max(peak, process.memoryUsage.rss());
    if (Number.isNaN(first) && analytics.stats().requests > 0) first = time;
  });
  await warm.close();
  return {
    firstMs: first,
    grownMb: (peak - before) / 2 ** 20,
    drainedMbPerSecond: (recovered * FILLER.length * 1e3) / elapsed / 2 ** 20,
  };
}
