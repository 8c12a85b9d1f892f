// The test client records what a real client sends.
import { createTestAnalytics } from '@offthread/sdk/testing';
import { Decimal } from 'decimal.js';
import { expect, test } from 'vitest';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

test('the record of a test client is what arrives at the local Tracking API', async () => {
  const analytics = createTestAnalytics();
  const properties = {
    revenue: new Decimal('0.1'),
    order: 9_007_199_254_740_993n,
    at: new Date(0),
    none: undefined,
  };
  const event = {
    userId: 1n,
    event: 'e',
    messageId: 'm',
    timestamp: 0,
    context: { ip: '::1' },
    properties,
  };
  const real = bench.open();
  real.track(event);
  analytics.track(event);
  expect((await real.flushAsync(20_000)).status).toBe('ok');
  const [arrived] = await bench.api.events();
  expect(analytics.events).toEqual([expect.objectContaining({ messageId: 'm' })]);
  expect(arrived).toMatchObject({ ...analytics.events[0] });
});
