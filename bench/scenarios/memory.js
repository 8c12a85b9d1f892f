// Memory of an idle client, of a client with 10,000 events that wait for an API that doesn't reply, and of a thousand
// clients that have delivered an event each.
import { setTimeout as delay } from 'node:timers/promises';
import { eventOf } from '../event.js';
import { onEachNode } from '../nodes.js';
import { runOnce } from '../run.js';

const WAITING = 10_000;
const CLIENTS = 1_000;

export const title = 'Memory';
export const subjects = ['none', 'offthread', 'segment', 'posthog', 'rudder'];

export function run({ endpoints }, subject) {
  return onEachNode(async (execPath) => {
    const result = {};
    for (const part of ['idle', 'waiting', 'clients']) {
      await endpoints.reset();
      if (part === 'waiting') await endpoints.hang();
      const settings = { ...endpoints.urls, part };
      const run = await runOnce('memory', subject, settings, { nodeArguments: ['--expose-gc'], execPath });
      result[`${part}Mb`] = run.result?.grownMb ?? Number.NaN;
    }
    // The memory of each additional client.
    result.clientKb = ((result.clientsMb - result.idleMb) * 1_024) / (CLIENTS - 1);
    return result;
  });
}

export async function measure(subject, { part, ...settings }) {
  const before = residentMb();
  const loaded = await subject.load();
  const clients = Array.from({ length: part === 'clients' ? CLIENTS : 1 }, () =>
    subject.create(loaded, settings),
  );
  if (part === 'waiting') {
    for (let n = 0; n < WAITING; n++) clients[0].track(eventOf(n));
    await delay(1_500);
  } else {
    for (const [n, client] of clients.entries()) client.track(eventOf(n));
    // Some send an event only after ten seconds, and load what they need to send with the first one.
    await Promise.all(clients.map((client) => client.sent()));
    // Connections that are no longer used have been closed by then.
    await delay(5_000);
  }
  return { grownMb: residentMb() - before };
}

function residentMb() {
  globalThis.gc();
  return process.memoryUsage.rss() / 2 ** 20;
}
