// Clients of the drop-in for @segment/analytics-node, and a local Tracking API for a whole test file.
import { setTimeout as sleep } from 'node:timers/promises';
import { type RequestRecord, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { Analytics, type AnalyticsSettings, Context, type SegmentEvent } from '@offthread/sdk/compat';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

export interface CompatBench {
  readonly api: TrackingApi;
  /** A client that sends after 100 ms. It is closed after the test. */
  open(settings?: Partial<AnalyticsSettings>): Analytics;
}

export function withCompat(): CompatBench {
  let api: TrackingApi | undefined;
  const clients: Analytics[] = [];
  beforeAll(async () => {
    api = await startTrackingApi();
  });
  beforeEach(() => api?.reset());
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.native.close(0);
  });
  afterAll(() => api?.close());
  return {
    get api(): TrackingApi {
      if (api === undefined) throw new Error('the local Tracking API has not been started yet');
      return api;
    },
    open(settings = {}) {
      const client = new Analytics({
        writeKey: 'KEY',
        host: this.api.url,
        flushInterval: 100,
        ...settings,
      });
      clients.push(client);
      return client;
    },
  };
}

/** Resolves with the next context of this type. Rejects with the next error. */
export function next(analytics: Analytics, type: SegmentEvent['type']): Promise<Context> {
  return new Promise((resolve, reject) => {
    analytics.once(type, resolve);
    analytics.once('error', reject);
  });
}

/** Tracks an event, and resolves with what its callback receives. */
export function tracked(analytics: Analytics, more: object = {}): Promise<{ error: unknown; ctx: Context }> {
  return new Promise((resolve) => {
    analytics.track({ userId: 'user-1', event: 'Seen', ...more }, (error, ctx) => {
      resolve({ error, ctx: ctx ?? new Context({ type: 'track' }) });
    });
  });
}

/** The body of a request. */
export async function bodyOf(api: TrackingApi, { sequence }: RequestRecord): Promise<Body> {
  return JSON.parse(await api.body(sequence)) as Body;
}

interface Body {
  readonly batch: readonly (SegmentEvent & { readonly context: Record<string, unknown> })[];
  readonly sentAt: string;
}

/** The number of events in each request, in order. */
export async function batches(api: TrackingApi): Promise<number[]> {
  return (await api.requests()).map(({ eventCount }) => eventCount);
}

/** Waits until the API has this many requests. */
export async function requests(api: TrackingApi, count: number): Promise<void> {
  await api.waitFor({ requests: count, timeoutMs: 10_000 });
}

export { sleep };
