// The paths of the Tracking API, and of the CDN that analytics.js requests its settings from.
import { EVENT_TYPES, type EventType } from './event.js';

/** What a path accepts. */
export type Route =
  | { type: 'batch' }
  | { type: 'event'; eventType: EventType }
  /** Metrics of analytics.js about itself. They contain no events. */
  | { type: 'metrics' }
  /** The settings of a source, which analytics.js requests before it sends. */
  | { type: 'settings'; writeKey: string };

/** A route that accepts events. */
export type EventRoute = Extract<Route, { type: 'batch' | 'event' }>;

/** The paths that accept a batch: those of the documentation, of the server libraries, and of analytics.js. */
export const BATCH_PATHS: readonly string[] = ['/v1/batch', '/v1/import', '/v1/b'];

const METRICS_PATH = '/v1/m';

/** analytics.js sends a single event to the first letter of its type. */
const TYPES_BY_PATH = new Map(
  EVENT_TYPES.flatMap((type) => [
    [`/v1/${type}`, type],
    [`/v1/${type.charAt(0)}`, type],
  ]),
);

const SETTINGS = /^\/v1\/projects\/([^/]+)\/settings$/;

/**
 * Returns the route of a request target, or `null` if there is none. Ignores a trailing slash and the query. For a
 * preflight, `method` may be the method that it asks about.
 */
export function routeOf(
  method: string,
  target: string,
  batchPaths: readonly string[] = BATCH_PATHS,
): Route | null {
  const path = (target.split('?', 1)[0] ?? '').replace(/(?<!^)\/$/, '');
  if (method === 'GET') {
    const writeKey = SETTINGS.exec(path)?.[1];
    return writeKey === undefined ? null : settingsRoute(writeKey);
  }
  if (method !== 'POST') return null;
  if (batchPaths.includes(path)) return { type: 'batch' };
  if (path === METRICS_PATH) return { type: 'metrics' };
  const eventType = TYPES_BY_PATH.get(path);
  return eventType === undefined ? null : { type: 'event', eventType };
}

/** Whether a route accepts events. */
export function takesEvents(route: Route | null): route is EventRoute {
  return route?.type === 'batch' || route?.type === 'event';
}

function settingsRoute(encoded: string): Route | null {
  try {
    return { type: 'settings', writeKey: decodeURIComponent(encoded) };
  } catch {
    return null; // Invalid percent-encoding.
  }
}
