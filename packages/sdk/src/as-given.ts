// Events that are sent with the properties they have, because they are history. For `offthread import` of
// @offthread/devtools. Used by page-properties.ts.
const events = new WeakSet<object>();

/** Marks an event, which is the argument of one of the six methods, and returns it. */
export function leaveAsGiven<Event extends object>(event: Event): Event {
  events.add(event);
  return event;
}

/** Whether the event is marked. */
export function isAsGiven(event: object): boolean {
  return events.has(event);
}
