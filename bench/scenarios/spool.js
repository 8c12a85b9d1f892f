// The spool: what it adds to a call on the main thread and to all threads, 20,000 events a second through the disk, and a
// backlog of 1 GB that another process has left.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { costOf } from '../cost.js';
import { eventOf } from '../event.js';
import { pace } from '../pace.js';
import { runOnce } from '../run.js';
import { median } from '../statistics.js';

const RATE = 5_000;
const HIGH_RATE = 20_000;
const CALLS = 2_000;
const GB = 1e9;

/** An event of 30 KB: the backlog is written in seconds. */
const FILLER = 'x'.repeat(30_000);

export const title = 'Spool';
export const subjects = ['offthread'];

export async function run({ endpoints, quick }, subject) {
  const directory = mkdtempSync(join(tmpdir(), 'offthread-bench-'));
  const parts = {};
  try {
    for (const part of ['cost', 'high', 'fill', 'drain']) {
      await endpoints.reset();
      if (part === 'fill') await endpoints.hang();
      const settings = { ...endpoints.urls, part, directory, quick };
      const { result } = await runOnce('spool', subject, settings, { nodeArguments: ['--expose-gc'] });
      Object.assign(parts, result);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  return parts;
}

export async function measure(subject, { part, directory, quick, ...settings }) {
  const loaded = await subject.load();
  const spool = { directory, maxBytes: 4 * GB };
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
      return costs(create({}), create({ spool }), quick);
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
    default:
      return drain(create, spool);
  }
}

/** A call and an event, without the spool and with it, in turns. */
async function costs(without, withIt, quick) {
  await withIt.stored();
  const calls = { without: [], withIt: [] };
  for (let round = 0; round < (quick ? 20 : 60); round++) {
    for (const [name, analytics] of Object.entries({ without, withIt })) {
      const start = performance.now();
      for (let n = 0; n < CALLS; n++) analytics.track(eventOf(n));
      calls[name].push(performance.now() - start);
      await analytics.flushAsync(30_000);
    }
  }
  const pairs = quick ? 3 : 8;
  const plain = await costOf((event) => without.track(event), { rate: RATE, pairs });
  const spooled = await costOf((event) => withIt.track(event), { rate: RATE, pairs });
  await Promise.all([without.close(), withIt.close()]);
  return {
    callRatio: median(calls.withIt) / median(calls.without),
    addedMainUs: spooled.netMainUs - plain.netMainUs,
    addedAllUs: spooled.netAllUs - plain.netAllUs,
  };
}

async function drain(create, spool) {
  // A thread that has sent something: what it takes for that is not the backlog's.
  const warm = create({ writeKey: 'warm' });
  warm.track(eventOf(0));
  await warm.flushAsync(30_000);
  globalThis.gc();
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const analytics = create({ spool });
  let first;
  let peak = 0;
  while (performance.now() - start < 50_000) {
    await delay(10);
    const { requests, spool: counts } = analytics.stats();
    peak = Math.max(peak, process.memoryUsage.rss());
    if (requests > 0) first ??= performance.now() - start;
    if (counts.recovered > 0 && counts.oldestAge === 0) break;
  }
  const elapsed = performance.now() - start;
  const { recovered } = analytics.stats().spool;
  await Promise.all([analytics.close(), warm.close()]);
  return {
    firstMs: first ?? Number.NaN,
    grownMb: (peak - before) / 2 ** 20,
    drainedMbPerSecond: (recovered * FILLER.length * 1e3) / elapsed / 2 ** 20,
  };
}
