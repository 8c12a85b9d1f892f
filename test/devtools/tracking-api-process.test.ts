// The local Tracking API runs beside its caller: it answers while that is blocked, and never outlives it.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTrackingApi } from '@offthread/devtools';
import { afterEach, describe, expect, test } from 'vitest';
import { batchOf, post } from '../helpers/raw-client.js';

const here = fileURLToPath(new URL('../', import.meta.url));
const cli = fileURLToPath(
  new URL('bin/offthread.js', import.meta.resolve('@offthread/devtools/package.json')),
);
const run = promisify(execFile);
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** Runs a program that has imported `startTrackingApi`. */
function program(text: string, flags: string[] = []): ChildProcess {
  const source = `import { startTrackingApi } from '@offthread/devtools';\n${text}`;
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', source], { cwd: here });
  started.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(20_000) })) as [string];
  return line;
}

async function exitOf(child: ChildProcess, timeoutMs = 10_000): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
  const [code, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(timeoutMs) });
  return code ?? signal;
}

/** Whether the process ends soon. One that nobody has reaped yet (state Z) has ended. */
async function isGone(pid: number): Promise<boolean> {
  for (let n = 0; n < 500; n += 1) {
    const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    if (stdout === '' || stdout.startsWith('Z')) return true;
    await delay(20);
  }
  return false;
}

describe.each(['process', 'thread'] as const)('in a %s', (place) => {
  test('the server answers while the thread that started it is blocked', async () => {
    await using api = await startTrackingApi({ in: place });
    expect(api.pid === undefined).toBe(place === 'thread');
    const body = JSON.stringify(batchOf(1));
    // The sender is another process, waited for without turning this event loop.
    const source = `
      const { url, body } = JSON.parse(process.argv[1]);
      const headers = { authorization: 'Basic ' + btoa('KEY:') };
      const reply = await fetch(url + '/v1/batch', { method: 'POST', body, headers });
      console.log(reply.status);
    `;
    const argument = JSON.stringify({ url: api.url, body });
    const sent = spawnSync(process.execPath, ['--input-type=module', '-e', source, argument], {
      timeout: 10_000,
    });
    expect(sent.stdout.toString().trim()).toBe('200');
    expect(await api.counts()).toMatchObject({ events: 1 });
  });

  test('a program that does not close it ends all the same, at once and silently', async () => {
    let lingered = Number.POSITIVE_INFINITY;
    // Once more if a busy machine was the reason.
    for (let tries = 0; tries < 4 && lingered >= 1_500; tries++) {
      const child = program(
        `const api = await startTrackingApi({ in: '${place}' }); console.log(api.pid, api.port);`,
      );
      let errors = '';
      child.stderr?.on('data', (piece: Buffer) => {
        errors += piece.toString();
      });
      const line = await firstLine(child);
      const before = performance.now();
      expect(await exitOf(child)).toBe(0);
      lingered = performance.now() - before;
      expect(errors).toBe('');
      if (place === 'process') expect(await isGone(Number(line.split(' ')[0]))).toBe(true);
    }
    expect(lingered).toBeLessThan(1_500);
  });

  test('close is idempotent, and afterwards nothing listens', async () => {
    const api = await startTrackingApi({ in: place });
    await Promise.all([api.close(), api.close()]);
    await api.close();
    await expect(post(api.url, batchOf(1))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(api.counts()).rejects.toThrow('the local Tracking API cannot be reached');
  });

  test('a port that is taken rejects with the reason', async () => {
    await using api = await startTrackingApi();
    await expect(startTrackingApi({ in: place, port: api.port })).rejects.toThrow('EADDRINUSE');
  });

  test('no preload of the program runs in the server', async () => {
    const preload = `data:text/javascript,${encodeURIComponent("process.stderr.write('loaded ');")}`;
    const text = `const api = await startTrackingApi({ in: '${place}' }); await api.close(); console.log('done');`;
    const child = program(text, ['--import', preload]);
    let errors = '';
    child.stderr?.on('data', (piece: Buffer) => {
      errors += piece.toString();
    });
    expect(await firstLine(child)).toBe('done');
    expect(await exitOf(child)).toBe(0);
    expect(errors).toBe('loaded ');
  });
});

test('the server dies with a parent that is killed', async () => {
  const child = program(`
    const api = await startTrackingApi();
    console.log(api.pid);
    setInterval(() => {}, 1_000);
  `);
  const pid = Number(await firstLine(child));
  process.kill(pid, 0);
  child.kill('SIGKILL');
  expect(await exitOf(child)).toBe('SIGKILL');
  expect(await isGone(pid)).toBe(true);
});

test('a signal to the whole group leaves the server to the parent', async () => {
  await using api = await startTrackingApi();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.kill(api.pid ?? Number.NaN, signal);
  await delay(100);
  expect((await post(api.url, batchOf(1))).status).toBe(200);
});

test('a wrong option is refused before anything is started', async () => {
  await expect(startTrackingApi({ port: -1 })).rejects.toThrow(
    'port: expected a whole number from 0 to 65535',
  );
});

describe('offthread listen', () => {
  function listen(...flags: string[]): ChildProcess {
    const child = spawn(process.execPath, [cli, 'listen', '--port', '0', ...flags]);
    started.push(child);
    return child;
  }

  async function output(child: ChildProcess): Promise<string> {
    let text = '';
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    expect(await exitOf(child)).toBe(0);
    return text;
  }

  test('prints its URL, a line per request and a summary, and never the write key', async () => {
    const child = listen('--write-key', 'SECRETKEY');
    const url = /http:\S+/.exec(await firstLine(child))?.[0] ?? '';
    const rest = output(child);
    await post(url, batchOf(3), { writeKey: 'SECRETKEY' });
    await post(url, batchOf(3), { writeKey: 'OTHERKEY' });
    child.kill('SIGINT');
    const text = await rest;
    expect(text).toMatch(/POST \/v1\/batch {2}.*3 events .* 200 /);
    expect(text).toMatch(/ 401 .*unknown write key/);
    expect(text).toContain('2 requests (1 refused), 3 events received');
    expect(text).not.toMatch(/SECRETKEY|OTHERKEY/);
  });

  test('prints one JSON object per line with --json', async () => {
    const child = listen('--json', '--latency', '30');
    const { url } = JSON.parse(await firstLine(child)) as { url: string };
    const rest = output(child);
    await post(url, batchOf(2), { writeKey: 'SECRETKEY' });
    child.kill('SIGINT');
    const text = await rest;
    const [request, summary] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(request).toMatchObject({ type: 'request', eventCount: 2, status: 200 });
    expect(request?.['durationMs']).toBeGreaterThanOrEqual(29);
    expect(summary).toMatchObject({ type: 'summary', events: 2 });
    expect(text).not.toContain('SECRETKEY');
  });

  test('says what to do about a port that is taken', async () => {
    await using api = await startTrackingApi();
    const failed: unknown = await run(process.execPath, [cli, 'listen', '--port', String(api.port)]).catch(
      (e) => e,
    );
    expect(failed).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('choose another with --port'),
    });
  });

  test('teaches with --help, and refuses what it does not know', async () => {
    expect((await run(process.execPath, [cli, 'listen', '--help'])).stdout).toContain('Examples:');
    for (const [args, complaint] of [
      [['listen', '--port', 'x'], 'Expected a whole number'],
      [['listen', '--port', '70000'], 'at most 65535'],
      [['listen', '--prot', '1'], "unknown option '--prot'"],
      [['lisen'], "unknown command 'lisen'"],
    ] as const) {
      const failed: unknown = await run(process.execPath, [cli, ...args]).catch((e) => e);
      expect(failed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(complaint) });
    }
  });
});
