// npm run test:bundlers [-- --only next,bun] [--work FOLDER, which is kept]: installs the packed SDK and the bundlers
// in a folder outside of the workspace, builds a program or a server with each bundler, and runs the result in a folder
// without node_modules.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { startTrackingApi } from '../packages/devtools/dist/index.js';
import { checkRuntime } from './runtimes.mjs';

/** Time limits in milliseconds for a build and for a program. */
const BUILD_MS = 240_000;
const PROGRAM_MS = 60_000;

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, work: { type: 'string' } },
});
const only = values.only.toLowerCase().split(',').filter(Boolean);

const execute = promisify(execFile);
const home = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const base = values.work ?? (await realpath(await mkdtemp(join(tmpdir(), 'offthread-bundlers-'))));
const work = join(base, 'work');

/** Without the variables that npm and test runners set for their children. */
const outer = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|NODE_OPTIONS$|NODE_ENV$|NODE_TEST)/i.test(name),
  ),
);

function run(file, args, options = {}) {
  return execute(file, args, {
    cwd: work,
    env: outer,
    timeout: BUILD_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 26,
    ...options,
  });
}

async function install() {
  const packed = join(base, 'packed');
  await rm(packed, { recursive: true, force: true });
  await mkdir(packed, { recursive: true });
  await mkdir(work, { recursive: true });
  await run(
    'npm',
    ['run', '-s', 'pnpm', '--', '--filter', '@offthread/sdk', 'pack', '--pack-destination', packed],
    { cwd: root },
  );
  const tarball = join(packed, (await readdir(packed))[0]);
  for (const name of ['package.json', 'package-lock.json', '.npmrc', 'cases.mjs'])
    await cp(join(home, name), join(work, name));
  await cp(join(home, 'app'), work, { recursive: true });
  if (!existsSync(join(work, 'node_modules')))
    await run('npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund']);
  await run('npm', ['install', '--no-save', '--prefer-offline', '--no-audit', '--no-fund', tarball]);
  return tarball;
}

/** Starts the program and waits until it ends. */
async function runProgram({ command, cwd, env }, ...args) {
  const [file, ...before] = command;
  const child = spawn(file, [...before, ...args], {
    cwd,
    env: { ...outer, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), PROGRAM_MS);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { code: code ?? signal, output };
}

async function freePort() {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Returns what is wrong with the program, if anything. */
async function checkProgram(built, api) {
  const stayed = await runProgram(built, api.url, 'stayed', 'stay');
  if (stayed.code !== 0 || !stayed.output.includes('{"closed":"ok"}'))
    return `close(): ${stayed.code} ${stayed.output}`;
  const left = await runProgram(built, api.url, 'left', 'leave');
  if (left.code !== 7) return `process.exit(): ${left.code} ${left.output}`;
  return undefined;
}

/** Returns what is wrong with the server, if anything. */
async function checkServer(built, api) {
  const port = await freePort();
  const env = {
    PORT: `${port}`,
    HOST: '127.0.0.1',
    HOSTNAME: '127.0.0.1',
    OFFTHREAD_HOST: api.url,
    NODE_ENV: 'production',
  };
  const ended = runProgram({ ...built, env });
  let isOver = false;
  ended.then(() => (isOver = true));
  const ask = (query) => fetch(`http://127.0.0.1:${port}/track?${query}`);
  let reply;
  while (reply === undefined && !isOver) {
    await sleep(200);
    reply = await ask('id=stayed&how=stay').catch(() => undefined);
  }
  const answer = await reply?.text();
  if (isOver || !answer?.includes('"status":"ok"'))
    return `flushAsync(): ${answer} ${isOver ? (await ended).output : ''}`;
  await ask('id=left&how=leave').catch(() => {});
  const { code, output } = await ended;
  return code === 7 ? undefined : `process.exit(): ${code} ${output}`;
}

async function check(name, build, tarball, api) {
  const out = join(base, 'out', name.replaceAll(/\W+/g, '-'));
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await api.reset();
  const bin = (command) => join(work, 'node_modules/.bin', command);
  const place = { work, out, run, bin, tarball, program: join(work, 'program.mjs') };
  const built = await build(place);
  if (built.runtime !== undefined) {
    await mkdir(join(out, 'spool'));
    return checkRuntime({ name: built.runtime, out }, api, (...args) => runProgram(built, ...args));
  }
  const wrong = await (built.isServer ? checkServer(built, api) : checkProgram(built, api));
  if (wrong !== undefined) return wrong;
  const arrived = await api.messageIds();
  return arrived.join() === 'stayed,left' ? undefined : `arrived: ${arrived.join()}`;
}

const api = await startTrackingApi();
let failures = 0;
try {
  const tarball = await install();
  // Loaded from there, because it imports the bundlers.
  const { CASES } = await import(join(work, 'cases.mjs'));
  for (const [name, build] of Object.entries(CASES)) {
    if (only.length > 0 && !only.some((each) => name.toLowerCase().includes(each))) continue;
    const start = performance.now();
    const wrong = await check(name, build, tarball, api).catch(
      (error) => `${error.message}\n${error.stdout ?? ''}`,
    );
    const seconds = ((performance.now() - start) / 1_000).toFixed(1);
    console.log(
      `${wrong === undefined ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)${wrong === undefined ? '' : `\n${wrong.slice(0, 2_000)}`}`,
    );
    if (wrong !== undefined) failures += 1;
  }
} finally {
  await api.close();
  if (values.work === undefined) await rm(base, { recursive: true, force: true });
}
console.log(failures === 0 ? 'All deliver.' : `${failures} failed.`);
process.exitCode = failures === 0 ? 0 : 1;
