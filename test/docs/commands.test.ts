// The commands of `offthread` that the READMEs, docs/ and --help show run as they are shown, against a local Tracking API.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { line } from '../helpers/import-folder.js';
import { filesIn, read } from '../helpers/markdown.js';

// Each command is a process of its own.
vi.setConfig({ testTimeout: 120_000 });

const run = promisify(execFile);
const BIN = fileURLToPath(
  new URL('bin/offthread.js', import.meta.resolve('@offthread/devtools/package.json')),
);

/** Milliseconds for a command to end, or for `listen` to print its address. */
const LIMIT_MS = 60_000;

/** A command of `offthread`, alone or in a pipe, or one of `curl` that talks to `offthread listen`. */
const OURS = /(^|[|(=…] ?)(npx )?offthread [a-z]|^curl .*:4319/;

/** The blocks of a page, as lists of commands. */
const blocks = ['README.md', ...filesIn('packages'), ...filesIn('docs'), ...filesIn('examples')].flatMap(
  (file) =>
    [...read(file).matchAll(/^ *```sh\n(.*?)^ *```/gms)].flatMap(({ 1: text = '', index }) => {
      const place = `${file}:${read(file).slice(0, index).split('\n').length}`;
      const commands = commandsOf(text);
      return commands.length === 0 ? [] : [{ place, commands }];
    }),
);

const COMMANDS = ['listen', 'send', 'import', 'spool', 'doctor', 'completion'];
const TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'].map((type) => `send ${type}`);

let api: TrackingApi;
let folder: string;
let listening: { child: ChildProcess; url: string } | undefined;

beforeAll(async () => {
  api = await startTrackingApi();
});
beforeEach(async () => {
  await api.reset();
  folder = mkdtempSync(join(tmpdir(), 'offthread-commands-'));
  for (const name of ['bin', 'spool', 'archive', '.config/fish/completions'])
    mkdirSync(join(folder, name), { recursive: true });
  const script = (name: string, text: string): void => {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, 'bin', name), 0o755);
  };
  script('offthread', `exec '${process.execPath}' '${BIN}' "$@"`);
  script('npx', 'exec "$@"');
  // Not every machine has it, and it isn't what is tested.
  script('jq', 'exec cat');
  const events = `${line(1)}\n${line(2)}\n`;
  writeFileSync(join(folder, 'history.ndjson.gz'), gzipSync(events));
  writeFileSync(join(folder, 'archive/2019.gz'), gzipSync(events));
  writeFileSync(join(folder, 'history.ndjson.gz.failed.ndjson'), events);
  const columns = 'id,user_id,event,event_text,received_at,order_number,zip';
  writeFileSync(join(folder, 'tracks.csv'), `${columns}\nm1,42,ordered,Ordered,2019-05-01,10023,90210\n`);
});
afterEach(async () => {
  await stopListening('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => api.close());

/** The commands of a block that are ours, without comments. A backslash continues a line. */
function commandsOf(text: string): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines.map((each) => each.replace(/\s+# .*$/, '').trim()).filter((each) => OURS.test(each));
}

/** The command with the addresses and paths of this test. What would go to Segment goes to the local API. */
function asHere(command: string): string {
  const here = command
    .replace('WRITE_KEY=…', 'WRITE_KEY=KEY')
    .replace('/var/lib/shop/analytics', join(folder, 'spool'))
    .replace(/https?:\/\/127\.0\.0\.1:4319/, listening?.url ?? api.url)
    .replace('https://collector.example.com', api.url)
    .replace('--region eu', `--host ${api.url}`)
    .replace(/^curl /, 'curl -sS --fail ');
  const isSending = /offthread (send|import|doctor|spool replay)/.test(here) && !here.includes('--help');
  return isSending && !here.includes('--host') ? `${here} --host ${api.url}` : here;
}

function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, XDG_CACHE_HOME: __, CI: ___, ...outer } = process.env;
  const PATH = `${join(folder, 'bin')}:${outer['PATH']}`;
  return { ...outer, PATH, HOME: folder, OFFTHREAD_WRITE_KEY: 'KEY' };
}

/** Runs a command, which must succeed. `listen` runs until the next one. */
async function runOne(command: string): Promise<void> {
  const options = { cwd: folder, env: environment() };
  if (!/offthread listen/.test(command) || command.includes('--help')) {
    await run('bash', ['-e', '-o', 'pipefail', '-c', asHere(command)], { ...options, timeout: LIMIT_MS });
    return;
  }
  await stopListening('SIGINT');
  const port = command.includes('--port') ? '' : ' --port 0';
  const child = spawn('bash', ['-c', `exec ${command.replace('npx ', '')}${port}`], options);
  listening = { child, url: '' };
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const address = (): string | undefined => /https?:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
  await expect.poll(address, { timeout: LIMIT_MS }).toBeDefined();
  listening.url = String(address());
}

async function stopListening(signal: 'SIGINT' | 'SIGKILL'): Promise<void> {
  const child = listening?.child;
  listening = undefined;
  if (child === undefined) return;
  const end = once(child, 'exit', { signal: AbortSignal.timeout(LIMIT_MS) });
  child.kill(signal);
  const [code] = await end;
  if (signal === 'SIGINT') expect(code).toBe(0);
}

async function runAll(commands: readonly string[]): Promise<void> {
  for (const command of commands) await runOne(command);
  await stopListening('SIGINT');
  const isSent = (command: string): boolean =>
    /offthread (send|import)/.test(command) && !/--dry-run|--help/.test(command);
  if (commands.some(isSent)) expect((await api.counts()).events).toBeGreaterThan(0);
}

test('there are commands to run', () => {
  expect(blocks.map(({ place }) => place.split(':')[0])).toEqual(
    expect.arrayContaining([
      'docs/command-line.md',
      'docs/getting-started.md',
      'packages/devtools/README.md',
    ]),
  );
});

test.each(blocks)('$place: the commands succeed', ({ commands }) => runAll(commands));

describe('the commands in the help of', () => {
  test.each([...COMMANDS, ...TYPES])('offthread %s succeed', async (name) => {
    const { stdout } = await run(process.execPath, [BIN, ...name.split(' '), '--help']);
    const shown = stdout.replaceAll(/\\\n\s*/g, '').matchAll(/^ {2}\$ (.*)$/gm);
    const commands = commandsOf([...shown].map(([, command]) => command).join('\n'));
    expect(commands.length).toBeGreaterThan(0);
    await runAll(commands);
  });
});

/** The command lines that are mentioned in a sentence, as in `offthread send track --help`. */
test('every command and option that is mentioned in a sentence exists', async () => {
  const helps = new Map<string, string>();
  for (const name of [...COMMANDS, ...TYPES, 'spool ls', 'spool replay', 'spool export']) {
    const { stdout } = await run(process.execPath, [BIN, ...name.split(' '), '--help']);
    helps.set(name, stdout);
  }
  const mentions = [...filesIn('packages'), ...filesIn('docs'), 'README.md'].flatMap((file) =>
    [...read(file).matchAll(/`offthread ([^`]+)`/g)].map(([, words = '']) => ({ file, words })),
  );
  expect(mentions.length).toBeGreaterThan(10);
  for (const { file, words } of mentions) {
    const [first = '', second = '', ...rest] = words.split(/\s+/);
    if (first === first.toUpperCase()) continue; // `offthread COMMAND --help`
    const name = helps.has(`${first} ${second}`) ? `${first} ${second}` : first;
    const help = helps.get(name);
    expect(help, `${file}: offthread ${words}`).toBeDefined();
    for (const option of [second, ...rest].filter((word) => word.startsWith('--')))
      expect(help, `${file}: offthread ${words}`).toContain(option);
  }
});
