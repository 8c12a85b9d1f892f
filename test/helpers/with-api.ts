// In: nothing. Out: a local Tracking API for a whole test file, and clients of it that end with their test.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics, type AnalyticsError, type AnalyticsSettings, type Stats } from '@offthread/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

/** What a test file works with. */
export interface Bench {
  /** The server; what it remembers and was told is forgotten before each test. */
  readonly api: TrackingApi;
  /** What `onError` of this test's clients was called with, in order. */
  readonly errors: AnalyticsError[];
  /** A client of the server. Closed after the test, and its accounts looked at. */
  open(settings?: Partial<AnalyticsSettings>): Analytics;
}

/** Sets up server and clean-up for the file that calls it. */
export function withApi(): Bench {
  let api: TrackingApi | undefined;
  let keeper: Analytics | undefined;
  const clients: Analytics[] = [];
  const errors: AnalyticsError[] = [];

  beforeAll(async () => {
    api = await startTrackingApi({ strict: true });
    // Stays, so that the worker thread is not started anew for each test.
    keeper = new Analytics({ writeKey: 'keeper', stub: true });
    keeper.track({ userId: 'keeper', event: 'Opened' });
    expect(keeper.flush(20_000).status).toBe('ok');
  });
  beforeEach(async () => {
    errors.length = 0;
    await api?.reset();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      expectBalanced(client.stats());
      await client.close(0);
      expectBalanced(client.stats());
      expect(client.stats().pending).toBe(0);
    }
    // Behind the news that they are gone: when the worker has settled this, it sends nothing for them any more.
    keeper?.track({ userId: 'keeper', event: 'Cleared' });
    keeper?.flush(20_000);
  });
  afterAll(async () => {
    await keeper?.close();
    await api?.close();
  });

  return {
    errors,
    get api(): TrackingApi {
      if (api === undefined) throw new Error('the local Tracking API has not been started yet');
      return api;
    },
    open(settings = {}) {
      const onError = (error: AnalyticsError): unknown => errors.push(error);
      const client = new Analytics({ writeKey: 'KEY', host: this.api.url, onError, ...settings });
      clients.push(client);
      return client;
    },
  };
}

/** The invariant: every accepted event is in exactly one place. */
export function expectBalanced({ accepted, delivered, failed, dropped, left, pending }: Stats): void {
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, failed);
  expect(delivered + lost + left + pending).toBe(accepted);
}

/** Flushes and says that nothing is left. */
export function flushed(analytics: Analytics): void {
  expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', pending: 0 });
}

/** Whole numbers from 0 up to `length`, which is not one of them. */
export function upTo(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
