// The paths of the Tracking API, and of the CDN that tells analytics.js where to send.
import { EVENT_TYPES, type EventType } from './event.js';

/** What a path takes. */
export type Route =
  | { type: 'batch' }
  | { type: 'event'; eventType: EventType }
  /** Metrics that analytics.js sends about itself. They hold no events. */
  | { type: 'metrics' }
  /** The settings of a source, which analytics.js asks for before it sends. */
  | { type: 'settings'; writeKey: string };

/** A route that takes events. */
export type EventRoute = Extract<Route, { type: 'batch' | 'event' }>;

/** The paths that take a batch: of the documentation, of the server libraries, and of analytics.js. */
export const BATCH_PATHS: readonly string[] = ['/v1/batch', '/v1/import', '/v1/b'];

const METRICS_PATH = '/v1/m';

/** analytics.js sends one event to the first letter of its type. */
const TYPES_BY_PATH = new Map(
  EVENT_TYPES.flatMap((type) => [
    [`/v1/${type}`, type],
    [`/v1/${type.charAt(0)}`, type],
  ]),
);

const SETTINGS = /^\/v1\/projects\/([^/]+)\/settings$/;

/**
 * The route of a request target; `null` when there is none. A trailing slash and the query count for nothing. `method`
 * may be that of the request which a preflight is about.
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

/** Whether a route takes events. */
export function takesEvents(route: Route | null): route is EventRoute {
  return route?.type === 'batch' || route?.type === 'event';
}

function settingsRoute(encoded: string): Route | null {
  try {
    return { type: 'settings', writeKey: decodeURIComponent(encoded) };
  } catch {
    return null; // Not percent-encoded as it should be.
  }
}
