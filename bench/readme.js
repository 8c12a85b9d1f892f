// Writes the table of the README, between two marks. Used by render.js.
import { number } from './report.js';

const SUBJECTS = ['offthread', 'segment', 'posthog'];
const START = '<!-- figures: written by bench/render.js -->';
const END = '<!-- figures end -->';

/** Returns the text with the figures of this run between its marks. Throws if the marks are missing. */
export function withFigures(readme, figures, about) {
  const [before, , rest] = split(readme, START);
  const [, , after] = split(rest, END);
  return `${before}${START}\n\n${tableOf(figures)}\n\n${costOf(figures)}\n${placeOf(about)}\n\n${END}${after}`;
}

function split(text, mark) {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`README.md has no line ${mark}`);
  return [text.slice(0, at), mark, text.slice(at + mark.length)];
}

function tableOf(figures) {
  const of = (scenario, key, base) => (subject) =>
    figures.of(scenario, subject, key) / (base === undefined ? 1 : figures.of(scenario, base, key));
  const rows = [
    [
      'Main-thread CPU per event, compared with one `JSON.stringify` of it',
      of('paced', 'netMainUs', 'json'),
      times,
    ],
    ['A loop of 3,000 calls blocks the event loop for', of('loop', 'heldMs'), milliseconds],
    [
      'Fastify under full load, one event per request: requests a second, compared with no tracking',
      of('throughput', 'requestsPerSecond', 'none'),
      percent,
    ],
    [
      'Fastify at 2,000 requests/s: p99 of the reply, compared with no tracking',
      of('latency', 'p99', 'none'),
      times,
    ],
    ['Delivered of 10,000 events tracked right before `process.exit()`', of('exit', 'delivered'), number],
  ];
  return [
    '| | Offthread | @segment/analytics-node | posthog-node |',
    '|---|---:|---:|---:|',
    ...rows.map(
      ([label, of, show]) => `| ${[label, ...SUBJECTS.map((each) => show(of(each)))].join(' | ')} |`,
    ),
  ].join('\n');
}

function costOf(figures) {
  const memory = number(Number(figures.net('memory', 'offthread', 'idleMb').toPrecision(2)));
  const start = number(Number((figures.of('script', 'offthread', 'flushMs') / 1_000).toPrecision(2)));
  return `The worker thread takes ${memory} MB. A script that sends one event needs ${start} s to start the thread and flush.`;
}

/** Reads the machine and the versions from the lines of the report. */
function placeOf([machine, versions]) {
  const [cpus, memory] = machine.split(', ');
  return `Measured on ${cpus}, ${memory}, with ${versions.split(',')[0]}.`;
}

function times(ratio) {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} ×`;
}

function milliseconds(value) {
  return `${Math.round(value)} ms`;
}

function percent(ratio) {
  return `${Math.round(100 * ratio)} %`;
}
