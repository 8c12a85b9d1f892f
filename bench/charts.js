// The charts of RESULTS.md and the README. Next: chart.js draws them.
import { drawBars } from './chart.js';
import { subjectOf } from './subjects/index.js';

const CHARTS = [
  {
    scenario: 'paced',
    file: 'main-thread.svg',
    title: 'Main-thread CPU per event',
    note: 'Microseconds, at 5,000 events a second. Lower is better.',
    // The cost of tracking nothing is zero. Its measured value is noise and may be negative.
    groups: (figures) => bySubject(figures, 'paced', 'netMainUs', ['none']),
  },
  {
    scenario: 'throughput',
    file: 'throughput.svg',
    title: 'Fastify under full load, one event per request',
    note: 'Requests a second. Higher is better.',
    groups: (figures) => bySubject(figures, 'throughput', 'requestsPerSecond'),
  },
  {
    scenario: 'latency',
    file: 'latency.svg',
    title: 'Fastify at 2,000 requests a second, one event per request',
    note: 'Milliseconds to the reply, 99th percentile. Lower is better.',
    groups: (figures) => bySubject(figures, 'latency', 'p99'),
  },
  {
    scenario: 'growth',
    file: 'growth.svg',
    title: 'Main-thread CPU per event, as things grow',
    note: 'Microseconds. Lower is better. The line marks one JSON.stringify at that rate.',
    groups: growth,
  },
];

/** Returns all charts whose figures exist. */
export async function chartsOf(figures) {
  const charts = CHARTS.filter(({ scenario }) => figures.has(scenario));
  return Promise.all(
    charts.map(async ({ scenario, file, title, note, groups }) => {
      const svg = drawBars({ title, note, groups: await groups(figures) });
      return { scenario, file, title, svg };
    }),
  );
}

const KINDS = { offthread: 'ours', none: 'baseline', json: 'baseline' };

/** A row for each subject. */
async function bySubject(figures, scenario, key, without = []) {
  const subjects = figures.subjects(scenario).filter((subject) => !without.includes(subject));
  const rows = subjects.map(async (subject) => ({
    label: (await subjectOf(subject)).title,
    value: figures.of(scenario, subject, key),
    kind: KINDS[subject] ?? 'peer',
  }));
  return [await Promise.all(rows)];
}

const PARTS = { rate: 'events a second', queue: 'events waiting', clients: 'clients' };

/** A group for each growing quantity, with a row for each size. */
function growth(figures) {
  const sizes = figures.keys('growth').filter((key) => key.includes(' '));
  return Object.entries(PARTS).map(([part, name]) =>
    sizes
      .filter((key) => key.startsWith(`${part} `))
      .map((key) => {
        const size = Number(key.slice(part.length));
        return {
          label: `${size.toLocaleString('en')} ${size === 1 ? name.replace(/s$/, '') : name}`,
          value: figures.of('growth', 'offthread', key),
          floor: figures.of('growth', 'json', key),
          kind: 'ours plain',
        };
      }),
  );
}
