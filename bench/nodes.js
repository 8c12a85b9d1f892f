// The Node.js lines for measuring start and memory: the one that runs the bench, and the newest. Used by scenarios.
import { execFileSync } from 'node:child_process';

const NEWEST = 26;

let newest;

/** Each has a suffix for the names of its figures, which is empty for the line that runs the bench. */
export function nodes() {
  newest ??= execFileSync('npx', ['-y', '-p', `node@${NEWEST}`, 'node', '-p', 'process.execPath'], {
    encoding: 'utf8',
  }).trim();
  return [
    { suffix: '', execPath: process.execPath },
    { suffix: `@${NEWEST}`, execPath: newest },
  ];
}

/** Measures on each of them. The names of the figures say which is which. */
export async function onEachNode(measure) {
  const all = {};
  for (const { suffix, execPath } of nodes()) {
    const figures = await measure(execPath);
    if (figures === undefined) return undefined;
    for (const [key, value] of Object.entries(figures)) all[key + suffix] = value;
  }
  return all;
}
