// The CSS classes that colour the types of events.
import { EVENT_TYPES } from '@offthread/tracking-api/event-rules';

/** An event may have any type, but only a known one becomes a class name. */
export function typeClass(type: string): string {
  return EVENT_TYPES.some((known) => known === type) ? `type ${type}` : 'type';
}
