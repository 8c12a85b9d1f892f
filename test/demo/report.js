// Measures track() for the demo; your server doesn't need it. Sends one message to demo.js.
import { createHistogram } from 'node:perf_hooks';

const calls = createHistogram();

/** Runs `call` and records for how long it blocked the main thread. */
export function measure(call) {
  const start = performance.now();
  call();
  calls.record(Math.max(1, Math.round((performance.now() - start) * 1e6)));
}

/** Sends the client's counters and the times, in microseconds, to the parent process, if there is one. */
export async function report(analytics) {
  const micros = (nanoseconds) => nanoseconds / 1000;
  const track = {
    mean: micros(calls.mean),
    median: micros(calls.percentile(50)),
    p99: micros(calls.percentile(99)),
  };
  if (!process.send) return;
  await new Promise((sent) => process.send({ type: 'report', stats: analytics.stats(), track }, sent));
}
