// What the demo wants to know of its server and yours need not tell. In: each call of track(), then the client. Out: one
// message to demo.js.
import { createHistogram } from 'node:perf_hooks';

const calls = createHistogram();

/** Runs `call`, on the main thread like everything here, and records how long it held that up. */
export function measure(call) {
  const start = performance.now();
  call();
  calls.record(Math.max(1, Math.round((performance.now() - start) * 1e6)));
}

/** Sends the client's accounts and the times, in microseconds, to the process that started this one, if one did. */
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
