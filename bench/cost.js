// Measures the cost of one call at a given rate. Used by scenarios.
import { setTimeout as delay } from 'node:timers/promises';
import { readCpu, usedBetween } from './cpu.js';
import { eventOf } from './event.js';
import { pace } from './pace.js';
import { median } from './statistics.js';
import { create } from './subjects/none.js';

const WINDOW_MS = 500;

/** Minimum events in a window, however long it takes, because main's periodic work is shared by all of them. */
const WINDOW_EVENTS = 500;

/** Milliseconds after a window that are counted with it, for the work it has left, such as requests. */
const REST_MS = 100;

/**
 * Returns the net CPU time per event in microseconds. Windows with `track` alternate `pairs` times in one process with
 * windows in which events are created but not tracked. `events` is the number of tracked events.
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
 * Returns the cost of an event from alternating pairs of windows: the median of the differences, so that outside
 * disturbances don't matter.
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
