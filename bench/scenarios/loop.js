// 3,000 events in one loop: for how long the event loop is blocked.
import { setTimeout as delay } from 'node:timers/promises';
import { eventOf } from '../event.js';
import { runOnce } from '../run.js';
import { lostOf } from './paced.js';

const EVENTS = 3_000;

export const title = '3,000 track() calls in one loop';
export const subjects = ['none', 'json', 'offthread', 'segment', 'posthog', 'rudder'];

export async function run({ endpoints }, subject) {
  await endpoints.reset();
  const { result } = await runOnce('loop', subject, endpoints.urls);
  if (result === undefined) return undefined;
  return { ...result, lost: lostOf(subject, EVENTS * 3, await endpoints.received()) };
}

/** Three times, because a server does it more than once: the first call is cold. */
export async function measure(subject, settings) {
  const client = subject.create(await subject.load(), settings);
  let n = 0;
  const held = [];
  for (let round = 0; round < 3; round++) {
    const longest = watchTurns();
    for (let i = 0; i < EVENTS; i++) client.track(eventOf(n++));
    await delay(1_000);
    held.push(longest());
  }
  await client.close();
  return { coldMs: held[0], heldMs: Math.min(...held.slice(1)) };
}

/** Watches the longest turn of the event loop, in ms. */
function watchTurns() {
  let last = performance.now();
  let longest = 0;
  let handle = setImmediate(function turn() {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    handle = setImmediate(turn);
  });
  return () => {
    clearImmediate(handle);
    return longest;
  };
}
