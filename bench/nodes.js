// The lines of Node.js on which start and memory are measured: the one that runs the bench, and the newest. Used by scenarios.
import { execFileSync } from 'node:child_process';

const NEWEST = 26;

let newest;

/** Each with what is put behind the name of a figure: nothing for the line that runs the bench. */
export function nodes() {
  newest ??= execFileSync('npx', ['-y', '-p', `node@${NEWEST}`, 'node', '-p', 'process.execPath'], {
    encoding: 'utf8',
  }).trim();
  return [
    { suffix: '', execPath: process.execPath },
    { suffix: `@${NEWEST}`, execPath: newest },
  ];
}

/** Measures on each of them; the names of the figures tell which is which. */
export async function onEachNode(measure) {
  const all = {};
  for (const { suffix, execPath } of nodes()) {
    const figures = await measure(execPath);
    if (figures === undefined) return undefined;
    for (const [key, value] of Object.entries(figures)) all[key + suffix] = value;
  }
  return all;
}
