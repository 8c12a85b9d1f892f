// Events that are tracked before the main thread blocks are sent while it is blocked.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTrackingApi } from '@offthread/devtools';
import { afterAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { upTo } from '../helpers/with-api.js';

const folder = mkdtempSync(join(tmpdir(), 'offthread-blocked-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.concurrent.each(['in one go', 'one by one', 'by many clients'])(
  'five events tracked %s arrive while the main thread is blocked',
  { timeout: 60_000 },
  async (how) => {
    await using api = await startTrackingApi({ in: 'thread' });
    /** The thread goes on when this file exists. */
    const file = join(folder, how);
    const arrived: number[] = [];
    const { code, stderr } = await runProgram('blocked.mjs', {
      args: [api.url, how, file],
      onLine: async ({ said }) => {
        if (said !== 'blocked') return;
        const counts = await api.waitFor({ events: 6, timeoutMs: 15_000 }).catch(() => api.counts());
        arrived.push(counts.events);
        writeFileSync(file, '');
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(arrived).toEqual([6]);
    expect((await api.messageIds()).slice(1).sort()).toEqual(upTo(5).map((n) => `${how} ${n}`));
  },
);
