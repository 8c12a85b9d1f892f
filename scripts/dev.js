// Rebuilds and runs tests when a file changes: the tests given as arguments, or those changed since the last commit.
import { spawn } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Milliseconds without further changes before a build starts. Editors write a file in several steps. */
const QUIET_MS = 100;

const root = fileURLToPath(new URL('..', import.meta.url));
const names = process.argv.slice(2);
const tests = names.length > 0 ? names : ['--changed', '--passWithNoTests'];
const folders = readdirSync(new URL('../packages', import.meta.url)).map((name) => `packages/${name}/src`);

let running = false;
let isStale = false;
let timer;

for (const folder of [...folders, 'packages/devtools/page', 'test']) {
  watch(new URL(`../${folder}`, import.meta.url), { recursive: true }, (_, file) => {
    if (file?.includes('node_modules')) return;
    clearTimeout(timer);
    timer = setTimeout(update, QUIET_MS);
  });
}
await update();

/** Runs one build at a time. Changes during a build start another one. */
async function update() {
  isStale = true;
  if (running) return;
  running = true;
  while (isStale) {
    isStale = false;
    if (await run('npm', ['run', '-s', 'build'])) await run('npm', ['run', '-s', 'vitest', '--', ...tests]);
  }
  running = false;
  console.log('\nWaiting for changes. Press Ctrl-C to stop.');
}

/** Whether the command exited with 0. */
function run(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  return new Promise((resolve) => child.once('close', (code) => resolve(code === 0)));
}
