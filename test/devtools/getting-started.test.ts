// docs/getting-started.md step by step, with the packages as npm installs them: from an empty folder to two events that the
// page shows.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.js';
import { openPage, rows } from '../helpers/live-page.js';
import { read } from '../helpers/markdown.js';
import { installPacked, outerEnvironment } from '../helpers/packed.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'offthread-start-')));
const page = read('docs/getting-started.md');
let browser: Browser;
let listening: ChildProcess | undefined;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  // Also what npx has started.
  if (listening?.pid !== undefined) process.kill(-listening.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** The blocks of the page in this language, in order. */
function blocks(language: string): string[] {
  const found = page.matchAll(new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\``, 'gms'));
  return [...found].map(([, text = '']) => text.replaceAll(/^ {3}/gm, '').trim());
}

test('the steps of the page lead to two events', { timeout: 240_000 }, async () => {
  const [install, listen = '', start = ''] = blocks('sh');
  const [program = ''] = blocks('js');

  // The packages aren't in a registry here.
  expect(install).toBe('npm init -y\nnpm install @offthread/sdk\nnpm install --save-dev @offthread/devtools');
  await installPacked(folder, ['sdk', 'tracking-api', 'devtools'], { name: 'start', version: '1.0.0' });

  // Another program may use the default port.
  const server = spawn('sh', ['-c', `${listen} --port 0`], {
    cwd: folder,
    env: outerEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  listening = server;
  const url = await new Promise<string>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`${listen} ended with ${code}`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
  await using live = await openPage(browser, { url });

  writeFileSync(join(folder, 'app.mjs'), program);
  const run = start.replace('http://127.0.0.1:4319', url);
  expect(run).toContain(url);
  const { stderr } = await promisify(execFile)('sh', ['-c', run], {
    cwd: folder,
    env: outerEnvironment(),
    timeout: 60_000,
  });
  expect(stderr).toBe('');
  await expect
    .poll(() => rows(live.page).allTextContents())
    .toEqual([expect.stringContaining('Item Purchased'), expect.stringContaining('identify')]);
  expect(live.faults).toEqual([]);
});
