// Programs for @segment/analytics-node, run as they are and with one line changed. Both must print the same, and the API
// must receive the same events.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

const THEIRS = "import { Analytics } from '@segment/analytics-node';";
const OURS = "import { Analytics } from '@offthread/sdk/compat';";

const samples = fileURLToPath(new URL('../fixtures/compat/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'offthread-compat-'));
let api: TrackingApi;

beforeAll(async () => {
  symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(folder, 'node_modules'));
  api = await startTrackingApi();
});
beforeEach(() => api.reset());
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

/** What the program prints, and the events that arrive, in an order that doesn't depend on parallel requests. */
async function run(name: string, code: string): Promise<{ printed: string; events: string[] }> {
  await api.reset();
  const file = join(folder, name);
  writeFileSync(file, code);
  const env = { ...process.env, NODE_OPTIONS: '', ANALYTICS_HOST: api.url };
  const { stdout } = await promisify(execFile)(process.execPath, [file], { env, timeout: 40_000 });
  const events = (await api.events()).map((event) => {
    const { messageId, timestamp, _metadata, context, ...rest } = event as Record<string, unknown>;
    const { library: _, ...own } = Object(context);
    expect([typeof messageId, typeof timestamp]).toEqual(['string', 'string']);
    return JSON.stringify({ ...rest, context: own }, sorted);
  });
  return { printed: stdout, events: events.sort() };
}

/** For JSON.stringify(): objects with their keys in order. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

test.each(readdirSync(samples))('%s does the same', async (name) => {
  const code = readFileSync(join(samples, name), 'utf8');
  expect(code.split(THEIRS)).toHaveLength(2);
  const theirs = await run(name, code);
  const ours = await run(name, code.replace(THEIRS, OURS));
  expect(theirs.events.length).toBeGreaterThan(0);
  expect(ours).toEqual(theirs);
});
