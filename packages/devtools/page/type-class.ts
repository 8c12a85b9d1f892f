// The class names of a type of event, which give it its colour.
import { EVENT_TYPES } from '@offthread/tracking-api/event-rules';

/** An event may name any type: only a known one becomes the name of a class. */
export function typeClass(type: string): string {
  return EVENT_TYPES.some((known) => known === type) ? `type ${type}` : 'type';
}
