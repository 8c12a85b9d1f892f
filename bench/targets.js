// The performance targets, and whether Offthread meets them. Used by report.js and by `--check`.

/**
 * Returns one record for each target: what is measured, its limit, and its value. `at` says whether the limit is a
 * minimum or a maximum. `floor` is the same figure for `json`: if that misses a target, no SDK can meet it on this
 * machine.
 */
export function targetsOf(figures) {
  /** The ratio of a subject to another one. */
  const ratio =
    (scenario, key, base, how = 'of') =>
    (subject) =>
      quotient(figures[how](scenario, subject, key), figures[how](scenario, base, key));
  const figure = (scenario, key) => (subject) => figures.of(scenario, subject, key);
  /** The ratio of the largest to the smallest cost over all sizes of a part. `costOf` returns a cost for a key. */
  const growth =
    (part, costOf = (key) => figure('growth', key)) =>
    (subject) => {
      const keys = figures.keys('growth').filter((key) => key.startsWith(`${part} `));
      const costs = keys.map((key) => costOf(key)(subject));
      return quotient(Math.max(...costs), Math.min(...costs));
    };
  /** The ratio to the smallest figure of the peers. */
  const besideBest =
    (scenario, key, how = 'of') =>
    (subject) =>
      quotient(
        figures[how](scenario, subject, key),
        Math.min(...['segment', 'posthog'].map((peer) => figures[how](scenario, peer, key))),
      );
  /** On this Node.js and on the newest one. */
  const onEach = (scenario, key, target) =>
    figures
      .keys(scenario)
      .filter((name) => name.split('@')[0] === key)
      .map((name) => target(name, name.includes('@') ? `, Node.js ${name.split('@')[1]}` : ''));
  /** In units of the floor's cost at that size: at a low rate the processor's caches are cold for both. */
  const inFloors = (key) => ratio('growth', key, 'json');

  const all = [
    most('paced', 'main-thread CPU an event / analytics-node', 0.08, ratio('paced', 'netMainUs', 'segment')),
    most('paced', 'main-thread CPU an event / one JSON.stringify', 2.5, ratio('paced', 'netMainUs', 'json')),
    most('paced', 'CPU of all threads an event / analytics-node', 0.4, ratio('paced', 'netAllUs', 'segment')),
    most(
      'throughput',
      'added main-thread CPU a request / analytics-node',
      0.08,
      ratio('throughput', 'netMainUs', 'segment'),
    ),
    least(
      'throughput',
      'requests a second / analytics-node',
      2.5,
      ratio('throughput', 'requestsPerSecond', 'segment'),
    ),
    most('defaults', 'events refused', 0, figure('defaults', 'refused')),
    most('defaults', 'largest share of the queue', 0.2, figure('defaults', 'queueShare')),
    most('defaults', 'connections', 1, figure('defaults', 'connections')),
    ...onEach('call', 'callUs', (key, node) =>
      most('call', `a call / one JSON.stringify${node}`, 1.5, ratio('call', key, 'json')),
    ),
    ...onEach('script', 'processMs', (key, node) =>
      most('script', `a script / the faster peer${node}`, 1, besideBest('script', key)),
    ),
    ...onEach('memory', 'idleMb', (key, node) =>
      most('memory', `an idle client / analytics-node${node}`, 1, ratio('memory', key, 'segment', 'net')),
    ),
    ...onEach('memory', 'clientKb', (key, node) =>
      most('memory', `each further client / analytics-node${node}`, 1, ratio('memory', key, 'segment')),
    ),
    most('latency', 'p99 / none', 1.2, ratio('latency', 'p99', 'none')),
    most('latency', 'event-loop delay p99 / none', 1.2, ratio('latency', 'loopDelayP99', 'none')),
    most('loop', 'how long the loop is held / analytics-node', 1 / 20, ratio('loop', 'heldMs', 'segment')),
    least('script', 'events delivered', 1, figure('script', 'delivered')),
    least('exit', 'events delivered', 10_000, figure('exit', 'delivered')),
    most('import', 'main-thread CPU / analytics-node', 0.5, ratio('import', 'mainMs', 'segment', 'net')),
    most('growth', '500 to 20,000 events/s: largest / smallest cost', 1.5, growth('rate')),
    most(
      'growth',
      '500 to 20,000 events/s: the same in JSON.stringify at that rate',
      1.5,
      growth('rate', inFloors),
    ),
    most('growth', '0 to 10,000 events waiting: largest / smallest cost', 1.5, growth('queue')),
    most('growth', '1 to 1,000 clients: largest / smallest cost', 1.5, growth('clients')),
    most('spool', 'main-thread CPU of a call with a spool / without', 1.05, figure('spool', 'callRatio')),
    most('spool', 'with strict: main-thread CPU of a call more, µs', 3, figure('spool', 'strictCallUs')),
    most(
      'spool',
      'CPU of all threads an event more, 5,000 events/s paced, µs',
      4,
      figure('spool', 'addedAllUs'),
    ),
    least('spool', 'events a second', 19_000, figure('spool', 'highPerSecond')),
    most('spool', 'events lost', 0, figure('spool', 'highLost')),
    most('spool', '1 GB of backlog: ms to the first request', 1_000, figure('spool', 'firstMs')),
    most('spool', '1 GB of backlog: MB of memory more', 32, figure('spool', 'grownMb')),
    least(
      'spool',
      '1,000,000 events of backlog: events a second / from memory',
      0.9,
      figure('spool', 'drainShare'),
    ),
    most('spool', '5,000 runs in a directory: ms for a look', 500, figure('spool', 'lookMs')),
    least('relay', 'events accepted a second of CPU', 10_000, figure('relay', 'acceptedPerCpuSecond')),
    most('relay', 'p99 of a request at 10,000 events/s, ms', 20, figure('relay', 'acceptedP99Ms')),
    least(
      'relay',
      'events delivered a second from one partition',
      10_000,
      figure('relay', 'drainedPerSecond'),
    ),
    most('relay', '1,000,000 events waiting: MB of memory more', 48, figure('relay', 'grownMb')),
    most('relay', 'events lost', 0, figure('relay', 'lost')),
    ...['paced', 'throughput', 'defaults', 'latency', 'loop', 'growth'].map((scenario) =>
      most(scenario, 'events lost', 0, figure(scenario, 'lost')),
    ),
  ];
  return all
    .filter(({ scenario }) => figures.has(scenario))
    .map(({ of, ...target }) => {
      const { at, limit } = target;
      const value = of('offthread');
      return { ...target, value, floor: of('json'), met: at === 'most' ? value <= limit : value >= limit };
    });
}

function most(scenario, measure, limit, of) {
  return { scenario, measure, at: 'most', limit, of };
}

function least(scenario, measure, limit, of) {
  return { scenario, measure, at: 'least', limit, of };
}

/** Returns NaN, which meets no target, if noise was larger than the measured value. */
function quotient(dividend, divisor) {
  return dividend > 0 && divisor > 0 ? dividend / divisor : Number.NaN;
}
