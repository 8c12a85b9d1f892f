// Calls at a rate -> what one of them costs. Used by scenarios.
import { setTimeout as delay } from 'node:timers/promises';
import { readCpu, usedBetween } from './cpu.js';
import { eventOf } from './event.js';
import { pace } from './pace.js';
import { median } from './statistics.js';
import { create } from './subjects/none.js';

const WINDOW_MS = 500;

/** What one tracks at least in a window, however long it takes: what main does in rounds is shared by all in it. */
const WINDOW_EVENTS = 500;

/** Milliseconds after a window in which what it has left behind, like requests, is counted with it. */
const REST_MS = 100;

/**
 * CPU an event in microseconds, net. A window with `track` and a window in which events are made and not tracked take
 * turns in the same process, `pairs` times. `events` is how many were tracked.
 */
export async function costOf(track, { rate, pairs, first = 0 }) {
  const nothing = create();
  const idle = (n) => nothing.track(eventOf(n));
  const windows = [];
  let n = first;
  for (let pair = 0; pair < pairs; pair++) {
    const without = await usedIn(rate, n, idle);
    const withIt = await usedIn(rate, n, (each) => track(eventOf(each), each));
    n += withIt.events;
    windows.push({ without, withIt });
  }
  return { ...netOf(windows), events: n - first };
}

/**
 * What an event adds, from pairs of windows that took turns: the median of the differences, so that a disturbance from
 * outside changes nothing.
 */
export function netOf(pairs) {
  const net = (key) =>
    median(pairs.map(({ without, withIt }) => withIt[key] / withIt.events - without[key] / without.events));
  return { netMainUs: net('main'), netAllUs: net('all') };
}

async function usedIn(rate, first, each) {
  const before = readCpu();
  const last = await pace(rate, Math.max(WINDOW_MS, (WINDOW_EVENTS / rate) * 1e3), first, each);
  await delay(REST_MS);
  return { ...usedBetween(before, readCpu()), events: last - first };
}
