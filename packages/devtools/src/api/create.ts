// Starts the server with all its routes on this thread. start.ts starts it on another one.
import { CONTROL_PREFIX, controlRoutes } from '../control/control-routes.js';
import { pageRoutes } from '../live/page-routes.js';
import type { TrackingApiOptions } from './options.js';
import { type Routes, TrackingApiServer } from './server.js';

const ROUTES: readonly Routes[] = [
  (app, api) => app.register(async (scope) => controlRoutes(scope, api), { prefix: CONTROL_PREFIX }),
  (app, api) => {
    if (api.settings.page) pageRoutes(app, api);
  },
];

/** Starts the local Tracking API on this thread. A blocking flush on the same thread would never return. */
export async function createTrackingApi(options: TrackingApiOptions = {}): Promise<TrackingApiServer> {
  const api = new TrackingApiServer(options, ROUTES);
  await api.start();
  return api;
}
