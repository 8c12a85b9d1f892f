// Results -> whether Offthread is as fast as it has to be. Used by report.js and by `--check`.

/** One line each: what is measured, what it may be, what it is. `at` says on which side of the limit it must be. */
export function targetsOf(results) {
  const ratio = (scenario, key, base, how = 'net') =>
    quotient(results[how](scenario, 'offthread', key), results[how](scenario, base, key));
  const sizesOf = (part) => results.keys('growth').filter((key) => key.startsWith(`${part} `));
  const spread = (costs) => quotient(Math.max(...costs), Math.min(...costs));
  const growth = (part) => spread(sizesOf(part).map((key) => results.of('growth', 'offthread', key)));
  /** The same in units of what the floor costs at that size: at a low rate the processor's caches are cold for both. */
  const growthByFloor = (part) => spread(sizesOf(part).map((key) => ratio('growth', key, 'json', 'of')));
  const all = [
    target(
      'paced',
      'main-thread CPU an event / analytics-node',
      'most',
      0.08,
      ratio('paced', 'netMainUs', 'segment', 'of'),
    ),
    target(
      'paced',
      'main-thread CPU an event / one JSON.stringify',
      'most',
      2.5,
      ratio('paced', 'netMainUs', 'json', 'of'),
    ),
    target(
      'paced',
      'CPU of all threads an event / analytics-node',
      'most',
      0.4,
      ratio('paced', 'netAllUs', 'segment', 'of'),
    ),
    target(
      'throughput',
      'added main-thread CPU a request / analytics-node',
      'most',
      0.08,
      ratio('throughput', 'mainUs', 'segment'),
    ),
    target(
      'throughput',
      'requests a second / analytics-node',
      'least',
      2.5,
      ratio('throughput', 'requestsPerSecond', 'segment', 'of'),
    ),
    target('latency', 'p99 / none', 'most', 1.2, ratio('latency', 'p99', 'none', 'of')),
    target(
      'latency',
      'event-loop delay p99 / none',
      'most',
      1.2,
      ratio('latency', 'loopDelayP99', 'none', 'of'),
    ),
    target(
      'loop',
      'how long the loop is held / analytics-node',
      'most',
      1 / 20,
      ratio('loop', 'heldMs', 'segment', 'of'),
    ),
    target('script', 'events delivered', 'least', 1, results.of('script', 'offthread', 'delivered')),
    target('exit', 'events delivered', 'least', 10_000, results.of('exit', 'offthread', 'delivered')),
    target('import', 'main-thread CPU / analytics-node', 'most', 0.5, ratio('import', 'mainMs', 'segment')),
    target('growth', '500 to 20,000 events/s: largest / smallest cost', 'most', 1.5, growth('rate')),
    target(
      'growth',
      '500 to 20,000 events/s: the same in JSON.stringify at that rate',
      'most',
      1.5,
      growthByFloor('rate'),
    ),
    target('growth', '0 to 10,000 events waiting: largest / smallest cost', 'most', 1.5, growth('queue')),
    target('growth', '1 to 1,000 clients: largest / smallest cost', 'most', 1.5, growth('clients')),
    ...['paced', 'throughput', 'latency', 'loop', 'growth'].map((scenario) =>
      target(scenario, 'events lost', 'most', 0, results.of(scenario, 'offthread', 'lost')),
    ),
  ];
  return all.filter(({ scenario }) => results.has(scenario));
}

function target(scenario, measure, at, limit, value) {
  return { scenario, measure, at, limit, value, met: at === 'most' ? value <= limit : value >= limit };
}

/** NaN, which meets no target, where noise was larger than what was measured. */
function quotient(dividend, divisor) {
  return dividend > 0 && divisor > 0 ? dividend / divisor : Number.NaN;
}
