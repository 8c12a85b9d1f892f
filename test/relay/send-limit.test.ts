import { describe, expect, it } from 'vitest';
import { SendLimit } from '../../packages/relay/src/drain/send-limit.js';

/** Whether a promise resolves without waiting for anything else. */
async function isReady(promise: Promise<unknown>): Promise<boolean> {
  const soon = new Promise((resolve) => setImmediate(resolve, 'soon'));
  return (await Promise.race([promise, soon])) !== 'soon';
}

const { signal } = new AbortController();

describe('SendLimit', () => {
  it('admits 32 batches, and then one for each that is settled, first come, first served', async () => {
    const limit = new SendLimit();
    const leaves = await Promise.all(Array.from({ length: 32 }, () => limit.enter(signal)));
    const [first, second] = [limit.enter(signal), limit.enter(signal)];
    expect(await isReady(first)).toBe(false);
    leaves[0]?.();
    leaves[0]?.();
    expect(await isReady(first)).toBe(true);
    expect(await isReady(second)).toBe(false);
    (await first)?.();
    expect(await isReady(second)).toBe(true);
  });

  it('forgets a partition that no longer waits', async () => {
    const limit = new SendLimit();
    const [leave] = await Promise.all(Array.from({ length: 32 }, () => limit.enter(signal)));
    const gone = new AbortController();
    const [first, second] = [limit.enter(gone.signal), limit.enter(signal)];
    gone.abort();
    expect(await first).toBeUndefined();
    leave?.();
    expect(await second).toBeDefined();
  });

  it('lets nobody wait who has given up before', async () => {
    const limit = new SendLimit();
    await Promise.all(Array.from({ length: 32 }, () => limit.enter(signal)));
    const entered = limit.enter(AbortSignal.abort());
    expect(await isReady(entered)).toBe(true);
    expect(await entered).toBeUndefined();
  });

  it('lets nothing else begin while an entry is sent that may end the process', async () => {
    const limit = new SendLimit();
    const [one, other] = [await limit.begin(false), await limit.begin(false)];
    const suspect = limit.begin(true);
    one();
    expect(await isReady(suspect)).toBe(false);
    other();
    const isOut = await suspect;
    const [next, another] = [limit.begin(false), limit.begin(true)];
    expect(await isReady(next)).toBe(false);
    isOut();
    const nextIsOut = await next;
    expect(await isReady(another)).toBe(false);
    nextIsOut();
    expect(await isReady(another)).toBe(true);
  });
});
