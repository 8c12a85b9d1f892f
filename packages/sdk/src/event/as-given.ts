// Events that keep their properties and `context.library`, because they are history. For `offthread import` of
// @offthread/devtools. Used by frame.ts and page-properties.ts.

/** By name, because each entry of the package is a bundle of its own. */
const MARK = Symbol.for('@offthread/sdk:as-given');

/** Marks an event, which is the argument of one of the six methods, and returns it. */
export function leaveAsGiven<Event extends object>(event: Event): Event {
  return Object.defineProperty(event, MARK, { value: true });
}

/** Whether the event is marked. */
export function isAsGiven(event: object): boolean {
  return MARK in event;
}
