// The Fastify server of two scenarios, with a route that tracks one event per request and one that doesn't. Runs in a
// child process; messages start and stop the measurement.
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { readCpu, usedBetween } from './cpu.js';
import { eventOf } from './event.js';
import { create } from './subjects/none.js';

/** Sampling interval of the event-loop delay in milliseconds, which the delay includes. */
const RESOLUTION_MS = 1;

export async function openShop(subject, settings) {
  const client = subject.create(await subject.load(), settings);
  const nothing = create();
  const { fastify } = await import('fastify');
  const app = fastify();
  let tracked = 0;
  let untracked = 0;
  app.get('/order', async () => {
    client.track(eventOf(tracked++));
    return { order: 'accepted' };
  });
  app.get('/untracked', async () => {
    nothing.track(eventOf(untracked++));
    return { order: 'accepted' };
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  process.send({ url });

  while ((await told()) !== 'finish') {
    const first = tracked + untracked;
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    const before = readCpu();
    process.send('begun');
    await told();
    const { main, all } = usedBetween(before, readCpu());
    delay.disable();
    const loopDelayP99 = delay.percentile(99) / 1e6 - RESOLUTION_MS;
    process.send({ requests: tracked + untracked - first, main, all, loopDelayP99 });
  }
  await app.close();
  await client.close();
  return { tracked };
}

async function told() {
  const [message] = await once(process, 'message');
  return message;
}
