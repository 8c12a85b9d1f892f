// Ends a server and its client in the right order. An export of the entries in ../frameworks/.
import type { Analytics } from '../analytics.js';
import type { FlushResult } from '../flush/flush.js';

/** A server of `node:http` or `node:https`. */
export interface ClosableServer {
  close(callback: () => void): unknown;
  keepAliveTimeout?: number;
}

/**
 * Stops accepting connections, waits until all requests are answered, and then closes the client, which delivers their
 * events, for at most its `flushTimeout`. Connections end with their current answer.
 *
 * It doesn't end requests that take too long: let `process.exit()` do that after a while, which also flushes.
 */
export async function closeServer(
  server: ClosableServer,
  analytics: Pick<Analytics, 'close'>,
): Promise<FlushResult> {
  // Otherwise the server would wait for connections that were busy at this moment, for 5 s after their answer.
  server.keepAliveTimeout = 1;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  return analytics.close();
}
