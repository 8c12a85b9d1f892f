// Results -> SVG. Next: RESULTS.md shows them.
import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import { number } from './report.js';
import { subjectOf } from './subjects/index.js';

const OURS = '#0a7d5a';
const OTHERS = '#9aa5b1';

const CONFIG = {
  background: 'white',
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: { grid: false, labelFontSize: 13, titleFontSize: 13, titleFontWeight: 'normal' },
  title: { fontSize: 15, anchor: 'start', offset: 12 },
  header: { labelFontSize: 13, title: null },
};

/** All charts the results have figures for. */
export async function chartsOf(results) {
  const charts = [];
  const add = async (scenario, file, title, spec) => {
    if (results.has(scenario)) charts.push({ scenario, file, title, svg: await draw(title, await spec()) });
  };
  await add('paced', 'main-thread.svg', 'Main-thread CPU an event, µs, at 5,000 events a second', () =>
    bars(results, 'paced', (subject) => results.of('paced', subject, 'netMainUs')),
  );
  await add('throughput', 'throughput.svg', 'Fastify, one event a request: requests a second', () =>
    bars(results, 'throughput', (subject) => results.of('throughput', subject, 'requestsPerSecond')),
  );
  await add('latency', 'latency.svg', 'Fastify at 2,000 requests a second: p99 of the reply, ms', () =>
    bars(results, 'latency', (subject) => results.of('latency', subject, 'p99')),
  );
  await add('growth', 'growth.svg', 'Main-thread CPU an event, µs', () => growth(results));
  return charts;
}

/**
 * A bar for each subject with its figure beside it. A bar that would be more than four times as long as that of
 * analytics-node is cut, so that the others can be told apart; its figure says how long it would be.
 */
async function bars(results, scenario, figureOf) {
  const end = 4 * figureOf('segment');
  const values = [];
  for (const subject of results.subjects(scenario)) {
    const value = figureOf(subject);
    if (Number.isNaN(value) || (subject === 'none' && value === 0)) continue;
    const { title } = await subjectOf(subject);
    const drawn = Number.isFinite(end) ? Math.min(value, end) : value;
    values.push({
      title,
      drawn,
      text: number(value) + (drawn < value ? ' (cut)' : ''),
      ours: subject === 'offthread',
    });
  }
  const y = {
    field: 'title',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { domain: false, ticks: false, labelLimit: 240 },
  };
  const x = { field: 'drawn', type: 'quantitative', axis: null };
  return {
    data: { values },
    width: 480,
    height: { step: 30 },
    encoding: { y, x },
    layer: [
      {
        mark: { type: 'bar', height: 18 },
        encoding: { color: { condition: { test: 'datum.ours', value: OURS }, value: OTHERS } },
      },
      { mark: { type: 'text', align: 'left', dx: 6, fontSize: 13 }, encoding: { text: { field: 'text' } } },
    ],
  };
}

const PART_TITLES = { rate: 'events a second', queue: 'events waiting', clients: 'clients' };

function growth(results) {
  const sizes = results.keys('growth').filter((key) => key !== 'lost');
  const values = sizes.map((key) => {
    const [part, size] = key.split(' ');
    return {
      part: PART_TITLES[part],
      size: Number(size).toLocaleString('en'),
      cost: results.of('growth', 'offthread', key),
    };
  });
  return {
    data: { values },
    facet: { column: { field: 'part', type: 'nominal', sort: null } },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 200,
      height: 180,
      mark: { type: 'line', point: true, color: OURS },
      encoding: {
        x: {
          field: 'size',
          type: 'ordinal',
          sort: null,
          title: null,
          axis: { labelAngle: 0, labelFontSize: 11 },
        },
        y: { field: 'cost', type: 'quantitative', title: null, scale: { zero: true } },
      },
    },
  };
}

async function draw(title, spec) {
  const { spec: drawing } = compile({ ...spec, title, config: CONFIG, padding: 16 });
  return new View(parse(drawing), { renderer: 'none' }).toSVG();
}
