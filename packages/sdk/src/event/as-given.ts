// Marks historical events, whose `properties` and `context.library` are sent unchanged. For `offthread import` of
// @offthread/devtools. Used by whole-event.ts and page-properties.ts.

/** A registered symbol, because each entry point of the package is a separate bundle. */
const MARK = Symbol.for('@offthread/sdk:as-given');

/** Marks an event for one of the six methods, and returns it. */
export function leaveAsGiven<Event extends object>(event: Event): Event {
  return Object.defineProperty(event, MARK, { value: true });
}

/** Whether the event is marked. */
export function isAsGiven(event: object): boolean {
  return MARK in event;
}
