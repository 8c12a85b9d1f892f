// Checks the SDK itself, including its worker thread.
import { Analytics, type AnalyticsError, type AnalyticsSettings } from '@offthread/sdk';
import { MAX_EVENT_BYTES } from '@offthread/tracking-api/event-rules';
import { adviceFor } from '../destination.js';
import { type Check, failed, ok } from './check.js';

/** Milliseconds for the sample to arrive. */
const TIMEOUT_MS = 15_000;

/** Sends one event as a program would. */
export async function checkSample(settings: AnalyticsSettings): Promise<Check> {
  const start = performance.now();
  const { error } = await sendOne({ ...settings, maxRetries: 1, requestTimeout: 10_000 }, { sample: true });
  const ms = Math.round(performance.now() - start);
  if (error === undefined) {
    return ok(
      'sample',
      `'Offthread Doctor Ran' delivered through the worker thread (${ms} ms with its start)`,
      { ms },
    );
  }
  const detail = error.code === 'closed' ? `not delivered within ${TIMEOUT_MS} ms` : error.message;
  // The usual advice would be to run the doctor.
  const advice = error.code === 'rejected' || error.code === 'redirected' ? adviceFor(error) : '';
  return failed('sample', `${detail} (${error.code})`, advice || 'See the checks above.');
}

/** Whether an event over the limit is refused. Never sends anything. */
export async function checkLimits(): Promise<Check> {
  const properties = { filling: 'x'.repeat(MAX_EVENT_BYTES) };
  const { error, requests } = await sendOne({ writeKey: 'none', stub: true }, properties);
  if (error?.code === 'event_too_large' && requests === 0) {
    return ok('limits', `an event over ${MAX_EVENT_BYTES} bytes is refused before any request`);
  }
  const found =
    error === undefined ? 'was accepted' : `failed in another way: ${error.message} (${error.code})`;
  const remedy = 'Reinstall @offthread/sdk.';
  return failed('limits', `an event over ${MAX_EVENT_BYTES} bytes ${found}`, remedy);
}

async function sendOne(settings: AnalyticsSettings, properties: object) {
  const analytics = new Analytics(settings);
  let error: AnalyticsError | undefined;
  analytics.track({ anonymousId: 'offthread-doctor', event: 'Offthread Doctor Ran', properties }, (given) => {
    error = given;
  });
  await analytics.close(TIMEOUT_MS);
  return { error, requests: analytics.stats().requests };
}
