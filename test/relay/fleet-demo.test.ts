// npm run demo:fleet, without the setup: its output and exit code.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const demo = fileURLToPath(new URL('../demo/fleet.js', import.meta.url));

// Two relays, Redis, two programs and the API share this machine with other tests.
vi.setConfig({ testTimeout: 150_000 });

/** Runs the demo with a shorter load. */
function run(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = [demo, '--seconds', '6', '--connections', '4', ...options];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout: 140_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** The number after a name in the output. */
function figure(text: string, name: string): number {
  const found = new RegExp(`^ +${name} +([\\d.,]+)`, 'm').exec(text)?.[1];
  return Number(found?.replaceAll(',', ''));
}

test('the demo shows that every event that a fleet answered arrives, although a relay and Redis are killed', async () => {
  const { code, stdout } = await run();
  expect(stdout).toMatch(/SIGKILL for relay \d+/);
  expect(stdout).toMatch(/SIGKILL for Redis \d+/);
  expect(figure(stdout, 'Missing')).toBe(0);
  expect(figure(stdout, 'Answered')).toBeGreaterThan(500);
  expect(figure(stdout, 'Arrived')).toBe(figure(stdout, 'Answered'));
  expect(code).toBe(0);
});

test('the demo fails if Redis loses what it had', async () => {
  const { code, stdout } = await run('--lose');
  expect(figure(stdout, 'Missing')).toBeGreaterThan(0);
  expect(code).toBe(1);
});
