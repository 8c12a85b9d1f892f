// Checks settings, valid or not, and returns the error message or the settings that the worker gets.
import { MessagePort } from 'node:worker_threads';
import type { DeliverySettings } from '@offthread/worker/protocol';
import { expect, vi } from 'vitest';
import { construct, refusal } from './untyped.js';
import { flushed } from './with-api.js';

/** A write key that is easy to find in any output. */
export const WRITE_KEY = 'wk_5up3rS3cret';

/** Valid settings, changed by what is given. */
export function settings(given: object): object {
  return { writeKey: WRITE_KEY, ...given };
}

/** Returns the message of the error that settings cause. */
export function refusedWith(given: object): string {
  const { code, message } = refusal(() => construct(settings(given)));
  expect(code).toBe('invalid_setting');
  return message;
}

/** Returns the settings that the worker gets for a client. With `stub`, so that no address is ever contacted. */
export async function workerSettings(given: object): Promise<DeliverySettings> {
  const post = vi.spyOn(MessagePort.prototype, 'postMessage');
  const analytics = construct(settings({ stub: true, ...given }));
  analytics.track({ userId: 'u', event: 'e' });
  flushed(analytics);
  await analytics.close();
  const orders = post.mock.calls
    .flat(2)
    .flatMap((message) => (message?.type === 'open' ? [message.settings] : []));
  post.mockRestore();
  expect(orders.length).toBe(1);
  return orders[0];
}
