// Renders results.json to RESULTS.md, the charts and the table of the README. The bench runs it. With `--check` it
// writes nothing, prints the files that differ from the stored figures, and exits with 1 if there are any.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chartsOf } from './charts.js';
import { Figures } from './figures.js';
import { withFigures } from './readme.js';
import { report } from './report.js';

/** Writes each file, or with `check` returns the names of those that differ. */
export async function render({ check = false } = {}) {
  const { about, figures: stored, targets } = JSON.parse(read('results.json'));
  const figures = new Figures(stored);
  const charts = await chartsOf(figures);
  const files = {
    'RESULTS.md': await report(figures, targets, about, charts),
    ...Object.fromEntries(charts.map(({ file, svg }) => [file, svg])),
    '../README.md': withFigures(read('../README.md'), figures, about),
  };
  const differ = Object.entries(files).filter(
    ([file, text]) => !existsSync(urlOf(file)) || read(file) !== text,
  );
  if (!check) for (const [file, text] of differ) writeFileSync(urlOf(file), text);
  return differ.map(([file]) => file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  const differ = await render({ check });
  for (const file of check ? differ : []) {
    console.error(`bench/${file} differs from bench/results.json: run \`node bench/render.js\``);
    process.exitCode = 1;
  }
}

function read(file) {
  return readFileSync(urlOf(file), 'utf8');
}

function urlOf(file) {
  return new URL(file, import.meta.url);
}
