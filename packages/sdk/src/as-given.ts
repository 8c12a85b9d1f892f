// Events that are sent with the properties they have, because they are history. For `offthread import` of
// @offthread/devtools. Used by page-properties.ts.
const events = new WeakSet<object>();
/** Saves all other programs the look-up, which takes half a microsecond. */
let isUsed = false;

/** Marks an event, which is the argument of one of the six methods, and returns it. */
export function leaveAsGiven<Event extends object>(event: Event): Event {
  isUsed = true;
  events.add(event);
  return event;
}

/** Whether the event is marked. */
export function isAsGiven(event: object): boolean {
  return isUsed && events.has(event);
}
