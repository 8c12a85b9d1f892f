// A local Tracking API for a whole test file, and clients that are closed after each test.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics, type AnalyticsError, type AnalyticsSettings, type Stats } from '@offthread/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';

/** What a test file uses. */
export interface Bench {
  /** The server. It is reset before each test. */
  readonly api: TrackingApi;
  /** The errors passed to `onError` of this test's clients, in order. */
  readonly errors: AnalyticsError[];
  /** Creates a client of the server. After the test it is closed and its counters are checked. */
  open(settings?: Partial<AnalyticsSettings>): Analytics;
}

/** Sets up the server and the cleanup for a test file. */
export function withApi(): Bench {
  let api: TrackingApi | undefined;
  let keeper: Analytics | undefined;
  const clients: Analytics[] = [];
  const errors: AnalyticsError[] = [];

  beforeAll(async () => {
    api = await startTrackingApi({ strict: true });
    // Kept open, so that the worker thread isn't restarted for each test.
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
    // Messages are handled in order: when the worker has settled this, it has stopped sending for the closed clients.
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

/** Checks the invariant: every accepted event is in exactly one counter. */
export function expectBalanced({ accepted, delivered, failed, dropped, left, pending }: Stats): void {
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, failed);
  expect(delivered + lost + left + pending).toBe(accepted);
}

/** Flushes and expects that nothing is left. */
export function flushed(analytics: Analytics): void {
  expect(analytics.flush(20_000)).toMatchObject({ status: 'ok', pending: 0 });
}

/** Whole numbers from 0 up to `length`, excluding it. */
export function upTo(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
