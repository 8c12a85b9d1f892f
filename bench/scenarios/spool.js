// The spool: what it adds to a call on the main thread and to all threads, 20,000 events a second through the disk, and
// backlogs that another process has left: 1 GB of large events, 1,000,000 small ones, and a directory of 5,000 runs.
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
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
    for (const part of [
      'calls',
      'paced',
      'high',
      'fill',
      'drain',
      'fillMany',
      'drainMany',
      'direct',
      'runs',
    ]) {
      await endpoints.reset();
      if (part.startsWith('fill')) await endpoints.hang();
      const settings = { ...endpoints.urls, part, directory, quick };
      const { result } = await runOnce('spool', subject, settings, { nodeArguments: ['--expose-gc'] });
      Object.assign(parts, result);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  const { backlogPerSecond, directPerSecond, ...others } = parts;
  return { ...others, backlogPerSecond, drainShare: backlogPerSecond / directPerSecond };
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
    case 'calls':
    case 'paced': {
      const clients = {
        without: create({}),
        withIt: create({ spool }),
        strict: create({ spool: { ...spool, strict: true } }),
      };
      await Promise.all([clients.withIt.stored(), clients.strict.stored()]);
      const costs = await (part === 'calls'
        ? callCosts(clients, quick)
        : pacedCosts(clients, directory, quick));
      await Promise.all(Object.values(clients).map((analytics) => analytics.close()));
      return costs;
    }
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
      return { backlogPerSecond: (recovered * 1e3) / elapsed };
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

/** A call of warm code without the spool, with it and with `strict`, in turns. */
async function callCosts(clients, quick) {
  const rounds = [];
  for (let round = 0; round < (quick ? 20 : 60); round++) {
    const used = {};
    for (const [name, analytics] of Object.entries(clients)) {
      // Not the elapsed time: the worker and the API take the CPU from the main thread now and then.
      const before = readCpu();
      for (let n = 0; n < CALLS; n++) analytics.track(eventOf(n));
      used[name] = usedBetween(before, readCpu()).main / CALLS;
      await analytics.flushAsync(30_000);
    }
    rounds.push(used);
  }
  return {
    callRatio: median(rounds.map(({ withIt, without }) => withIt / without)),
    strictCallUs: median(rounds.map(({ strict, without }) => strict - without)),
  };
}

/**
 * What an event costs more at a fixed rate, when the caches of the processor are cold. `writeMainUs` is the cost of
 * writing as many bytes to a file, which is most of what `strict` does.
 */
async function pacedCosts(clients, directory, quick) {
  // Until V8 has optimized the code of both threads, its compiler takes more than they do.
  await callCosts(clients, true);
  const file = openSync(join(directory, 'written'), 'w');
  const bytes = Buffer.from(JSON.stringify(eventOf(0)));
  let end = 0;
  const write = () => {
    end += writeSync(file, bytes, 0, bytes.length, end);
  };
  const tracks = Object.fromEntries(
    Object.entries(clients).map(([name, analytics]) => [name, (event) => analytics.track(event)]),
  );
  const rounds = [];
  // A pair of windows of each, in turns: at times, the whole machine is slower.
  for (let round = 0; round < (quick ? 3 : 6); round++) {
    const costs = {};
    for (const [name, track] of Object.entries({ ...tracks, write }))
      costs[name] = await costOf(track, { rate: RATE, pairs: 1 });
    rounds.push(costs);
  }
  closeSync(file);
  const more = (name, key) => median(rounds.map((costs) => costs[name][key] - costs.without[key]));
  return {
    addedMainUs: more('withIt', 'netMainUs'),
    addedAllUs: more('withIt', 'netAllUs'),
    strictMainUs: more('strict', 'netMainUs'),
    writeMainUs: median(rounds.map(({ write: { netMainUs } }) => netMainUs)),
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
