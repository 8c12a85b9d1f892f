// Renders the figures as RESULTS.md, and the same tables for the terminal. Used by bench.js and render.js.
import { SCENARIOS } from './scenarios/index.js';
import { subjectOf } from './subjects/index.js';

/** The column title of each figure. `net` adds a column without the figure of `none`. */
const COLUMNS = {
  netMainUs: ['main thread, µs an event'],
  netAllUs: ['all threads, µs an event'],
  refused: ['refused'],
  mainUs: ['main thread, µs', 'net'],
  mainMs: ['main thread, ms', 'net'],
  allMs: ['all threads, ms', 'net'],
  wallMs: ['wall clock, ms', 'net'],
  requestsPerSecond: ['requests/s'],
  p50: ['p50, ms'],
  p99: ['p99, ms'],
  loopDelayP99: ['event-loop delay p99, ms'],
  heldMs: ['loop held, ms'],
  coldMs: ['the first time, ms'],
  processMs: ['process, ms'],
  flushMs: ['create, track, flush, ms'],
  exitCode: ['exit code'],
  delivered: ['delivered'],
  lost: ['lost'],
  callUs: ['a call, µs'],
  queueShare: ['largest share of the queue'],
  connections: ['connections'],
  clientKb: ['each further client, KB'],
  idleMb: ['idle client, MB', 'net'],
  waitingMb: ['10,000 events waiting, MB', 'net'],
  clientsMb: ['1,000 clients, MB', 'net'],
  addedMainUs: ['main thread more, µs an event paced'],
  addedAllUs: ['all threads more'],
  strictMainUs: ['strict: main thread more'],
  writeMainUs: ['one write of as many bytes'],
  backlogPerSecond: ['backlog of 1,000,000 events, events/s'],
  acceptedPerSecond: ['accepted, events/s'],
  drainedPerSecond: ['delivered from one partition, events/s'],
  fourByOnePerSecond: ['from four by one relay'],
  fourByTwoPerSecond: ['from four by two relays'],
};

/** Returns the whole report. `about` has the lines on machine and versions. */
export async function report(figures, targets, about, charts) {
  const parts = [
    '# Results\n',
    'Written by `npm run bench`. Figures are medians of interleaved rounds, each measured in a process of its own.\n',
    about.map((line) => `- ${line}`).join('\n'),
    '\n## Targets\n',
    'A target that a single `JSON.stringify` misses cannot be met by any client on this machine.\n',
    targetTable(targets),
  ];
  for (const name of Object.keys(SCENARIOS)) {
    if (!figures.has(name)) continue;
    parts.push(`\n## ${SCENARIOS[name].title}\n`);
    for (const { file, title } of charts.filter((each) => each.scenario === name))
      parts.push(`![${title}](${file})\n`);
    parts.push(await scenarioTable(figures, name));
  }
  return `${parts.join('\n')}\n`;
}

export function targetTable(targets) {
  const rows = targets.map(({ scenario, measure, at, limit, value, floor, met }) => [
    scenario,
    measure,
    `at ${at} ${number(limit)}`,
    number(value),
    floor === null || Number.isNaN(floor) ? '' : number(floor),
    met ? 'met' : '**missed**',
  ]);
  return table(['scenario', 'measure', 'target', 'measured', 'one JSON.stringify', ''], rows);
}

/** A row for each subject. The growth scenario has many figures, so it has a row for each figure. */
export async function scenarioTable(figures, name) {
  const keys = figures.keys(name);
  const subjects = figures.subjects(name);
  const titles = await Promise.all(subjects.map(async (subject) => (await subjectOf(subject)).title));
  if (name === 'growth') {
    const rows = keys.map((key) => [
      key,
      ...subjects.map((subject) => number(figures.of(name, subject, key))),
    ]);
    return table(['main thread, µs an event', ...titles], rows);
  }
  const shown = keys.filter((key) => columnOf(key) !== undefined);
  const heads = shown.flatMap((key) => {
    const [head, net] = columnOf(key);
    return net === undefined ? [head] : [head, 'net'];
  });
  const rows = subjects.map((subject, index) => [
    titles[index],
    ...shown.flatMap((key) => {
      const own = number(figures.of(name, subject, key));
      if (columnOf(key)[1] === undefined) return [own];
      return [own, subject === 'none' ? '' : number(figures.net(name, subject, key))];
    }),
  ]);
  return table(['', ...heads], rows);
}

/** `processMs@26` is that figure on Node.js 26. */
function columnOf(key) {
  const [name, node] = key.split('@');
  const column = COLUMNS[name];
  if (column === undefined || node === undefined) return column;
  const [head, ...rest] = column;
  return [`${head}, Node.js ${node}`, ...rest];
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  );
}

/** The figures are accurate to three digits at most. */
export function number(value) {
  if (typeof value !== 'number' || Number.isNaN(value)) return 'no figure';
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}
