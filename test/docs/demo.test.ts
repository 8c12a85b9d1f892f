// npm run demo, without the setup: its output and exit code.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const demo = fileURLToPath(new URL('../demo/demo.js', import.meta.url));

// Load generator, server and API share this machine with other tests.
vi.setConfig({ testTimeout: 60_000 });

/** Runs the demo with a shorter load. */
function run(...options: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = [demo, '--requests', '1500', ...options];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { timeout: 55_000 }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** The number after a name in the output. */
function figure(text: string, name: string): number {
  const found = new RegExp(`^ +${name} +([\\d.,]+)`, 'm').exec(text)?.[1];
  return Number(found?.replaceAll(',', ''));
}

test('the demo shows that every event of a server under load arrives', async () => {
  const { code, stdout, stderr } = await run();
  expect(stderr).toBe('');
  expect(figure(stdout, 'Events lost')).toBe(0);
  expect(code).toBe(0);
  const accepted = figure(stdout, 'Events accepted');
  expect(accepted).toBeGreaterThanOrEqual(1_500);
  expect(figure(stdout, 'Events delivered')).toBe(accepted);
  const biggest = figure(stdout, 'Biggest batch');
  expect(biggest).toBeGreaterThan(1);
  // How large batches are depends on how busy the machine is.
  expect(figure(stdout, 'Requests to the API')).toBeGreaterThanOrEqual(accepted / biggest);
  expect(figure(stdout, 'Cost of an event')).toBeGreaterThan(0);
  expect(stdout).toContain('"event": "Order Placed"');
  // Not a terminal, so no colours.
  expect(stdout).not.toContain('\u001b');
});

test('the demo fails if the Tracking API refuses events', async () => {
  const { code, stdout, stderr } = await run('--refuse');
  expect(stderr).toContain('rejected');
  expect(figure(stdout, 'Events lost')).toBeGreaterThan(0);
  expect(code).toBe(1);
});
