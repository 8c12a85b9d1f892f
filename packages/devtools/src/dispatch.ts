// Calls the method of the SDK for a type of event that is only known at run time.
import type { Analytics, Callback, EventType } from '@offthread/sdk';

/**
 * Calls `analytics.track(fields, callback)` and so on. Throws what the method throws.
 *
 * The fields come from outside, and the method checks them. That is why `as` is safe here.
 */
export function dispatch(analytics: Analytics, type: EventType, fields: object, callback: Callback): boolean {
  const method = analytics[type] as (event: object, callback: Callback) => boolean;
  return method.call(analytics, fields, callback);
}
