// The Fastify server of two scenarios: a handler that tracks one event a request. Runs in a child process, and is told
// by messages when to begin and end counting.
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fastify } from 'fastify';
import { readCpu, usedBetween } from './cpu.js';
import { eventOf } from './event.js';

/** Milliseconds between two looks at the event loop, which the delay includes. */
const RESOLUTION_MS = 1;

export async function openShop(subject, settings) {
  const client = subject.create(await subject.load(), settings);
  const app = fastify();
  let requests = 0;
  app.get('/order', async () => {
    client.track(eventOf(requests++));
    return { order: 'accepted' };
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  process.send({ url });

  await once(process, 'message');
  const first = requests;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const before = readCpu();
  process.send('begun');

  await once(process, 'message');
  const used = usedBetween(before, readCpu());
  delay.disable();
  const counted = requests - first;
  process.send({
    requests: counted,
    mainUs: used.main / counted,
    allUs: used.all / counted,
    requestsPerSecond: counted / (used.elapsed / 1e3),
    loopDelayP99: delay.percentile(99) / 1e6 - RESOLUTION_MS,
  });

  await once(process, 'message');
  await app.close();
  await client.close();
  return { tracked: requests };
}
