// In: the type and the fields of an event. Out: a call of the SDK's method of that name. Next: @offthread/sdk.
import type { Analytics, Callback, EventType } from '@offthread/sdk';

/**
 * Calls `analytics.track(fields, callback)` and so on. Throws what the method throws.
 *
 * The fields come from outside, and the method checks them: the one place where they are taken for an event.
 */
export function dispatch(analytics: Analytics, type: EventType, fields: object, callback: Callback): boolean {
  const method = analytics[type] as (event: object, callback: Callback) => boolean;
  return method.call(analytics, fields, callback);
}
