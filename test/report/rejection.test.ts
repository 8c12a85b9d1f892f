// What a rejected event costs: its own code, such as getters, runs as often as for one reader, however many are told.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Analytics } from '@offthread/sdk';
import { expect, test } from 'vitest';
import { call } from '../helpers/untyped.js';

/** How often a getter of an event runs, and what readers get, if the event can't be written as JSON. */
async function rejected(hasCallback: boolean, hasOnError: boolean) {
  const seen: unknown[] = [];
  let reads = 0;
  const note = (error: unknown): void => void seen.push(error);
  const analytics = new Analytics({
    writeKey: 'k',
    host: 'http://127.0.0.1:1',
    ...(hasOnError && { onError: note }),
  });
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const event = {
    userId: 'u',
    event: 'e',
    get properties() {
      reads++;
      return cycle;
    },
  };
  call(analytics, 'track', event, ...(hasCallback ? [note] : []));
  await analytics.close(0);
  return { reads, told: seen.length };
}

test('the getters of a rejected event run as often for two readers as for one', async () => {
  const one = await rejected(false, true);
  const two = await rejected(true, true);
  expect([one.told, two.told]).toEqual([1, 2]);
  expect(two.reads).toBe(one.reads);
});

test('so do those of an event that beforeSend refuses, with a subscriber', async () => {
  const readsWith = async (hasSubscriber: boolean): Promise<number> => {
    let reads = 0;
    const listener = (): void => {};
    if (hasSubscriber) subscribe('offthread:dropped', listener);
    const beforeSend = (): never => {
      throw new Error('no');
    };
    const analytics = new Analytics({
      writeKey: 'k',
      host: 'http://127.0.0.1:1',
      beforeSend,
      onError: () => {},
    });
    call(analytics, 'track', {
      userId: 'u',
      event: 'e',
      get properties() {
        reads++;
        return {};
      },
    });
    await analytics.close(0);
    unsubscribe('offthread:dropped', listener);
    return reads;
  };
  expect(await readsWith(true)).toBe(await readsWith(false));
});

test('a getter for the library of a context runs once', async () => {
  let reads = 0;
  const context = {
    get library() {
      reads++;
      return { name: 'mine' };
    },
  };
  const analytics = new Analytics({ writeKey: 'k', host: 'http://127.0.0.1:1', flushOnExit: false });
  expect(analytics.track({ userId: 'u', event: 'e', context })).toBe(true);
  await analytics.close(0);
  expect(reads).toBe(1);
});
