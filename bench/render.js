// results.json -> RESULTS.md, the charts and the table of the README. Run by the bench; `--check` writes nothing, names
// each file that differs from the stored figures, and ends with 1 if there is one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chartsOf } from './charts.js';
import { Figures } from './figures.js';
import { withFigures } from './readme.js';
import { report } from './report.js';

const { about, figures: stored, targets } = JSON.parse(read('results.json'));
const figures = new Figures(stored);
const charts = await chartsOf(figures);
const files = {
  'RESULTS.md': await report(figures, targets, about, charts),
  ...Object.fromEntries(charts.map(({ file, svg }) => [file, svg])),
  '../README.md': withFigures(read('../README.md'), figures),
};

const check = process.argv.includes('--check');
for (const [file, text] of Object.entries(files)) {
  if (!check) {
    writeFileSync(urlOf(file), text);
  } else if (!existsSync(urlOf(file)) || read(file) !== text) {
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
