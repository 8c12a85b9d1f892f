// Events that are tracked before the main thread blocks are sent while it is blocked.
import { startTrackingApi } from '@offthread/devtools';
import { expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { upTo } from '../helpers/with-api.js';

test.concurrent.each(['in one go', 'one by one', 'by many clients'])(
  'five events tracked %s arrive while the main thread is blocked',
  { timeout: 30_000 },
  async (how) => {
    await using api = await startTrackingApi({ in: 'thread' });
    let isBlocked = false;
    const arrived: { count: number; isBlocked: boolean }[] = [];
    const { code, stderr } = await runProgram('blocked.mjs', {
      args: [api.url, how],
      onLine: ({ said }) => {
        isBlocked = said === 'blocked';
        if (!isBlocked) return;
        void api
          .waitFor({ events: 6, timeoutMs: 20_000 })
          .then(({ events }) => arrived.push({ count: events, isBlocked }));
      },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(arrived).toEqual([{ count: 6, isBlocked: true }]);
    expect((await api.messageIds()).slice(1).sort()).toEqual(upTo(5).map((n) => `${how} ${n}`));
  },
);
