// Runs in the child process or worker thread: starts the server there and reports where it listens.
import { parentPort, workerData } from 'node:worker_threads';
import { fastify } from 'fastify';
import { CONTROL_PREFIX, controlRoutes } from '../control/control-routes.js';
import { createTrackingApi } from './create.js';
import type { TrackingApiOptions } from './options.js';

/** Reports where the server listens, or why it could not start. */
export type HostMessage =
  | { type: 'ready'; url: string; port: number; controlPort: number }
  | { type: 'failed'; message: string };

if (parentPort !== null) {
  const port = parentPort;
  await host(workerData as TrackingApiOptions, (message) => port.postMessage(message));
} else {
  // This process ends when its parent does, however that ends. A terminal or supervisor signals the whole process
  // group: ignore that, because the parent may still send its last events here.
  process.once('disconnect', () => process.exit(0));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.once('message', (options) => {
    void host(options as TrackingApiOptions, (message) => process.send?.(message));
  });
}

async function host(options: TrackingApiOptions, post: (message: HostMessage) => void): Promise<void> {
  try {
    const api = await createTrackingApi(options);
    // A separate port: reachable while the API is down, and its connections are not counted.
    const control = fastify({ bodyLimit: 64 * 1024 * 1024 });
    await control.register(async (scope) => controlRoutes(scope, api), { prefix: CONTROL_PREFIX });
    const controlUrl = await control.listen({ port: 0, host: '127.0.0.1' });
    post({ type: 'ready', url: api.url, port: api.port, controlPort: Number(new URL(controlUrl).port) });
  } catch (error) {
    post({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}
