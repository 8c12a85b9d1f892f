// Logs when deliveries of a client begin to fail, and when they succeed again. Used by ../fastify/index.ts and
// ../frameworks/nestjs.ts.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Analytics } from '../analytics.js';

/** The logger of Fastify is one. */
interface OutageLogger {
  warn(fields: object, message: string): void;
  info(message: string): void;
}

/**
 * Logs two lines for each outage. Otherwise the first sign of it would be an error after `maxRetries`, which takes
 * minutes. Returns a function that stops logging.
 */
export function logOutages(client: Analytics, log: OutageLogger): () => void {
  let isOut = false;
  const onPostponed = (published: unknown): void => {
    const { analytics, count, status, attempts, message } = Object(published);
    if (analytics !== client || isOut) return;
    isOut = true;
    // Subscribed only during an outage, because this channel publishes every batch.
    subscribe('offthread:delivered', onDelivered);
    log.warn(
      { count, status, attempts },
      `Events cannot be delivered at present (${message}). Trying again.`,
    );
  };
  const onDelivered = (published: unknown): void => {
    if (Object(published).analytics !== client) return;
    end();
    log.info('Events are being delivered again.');
  };
  const end = (): void => {
    isOut = false;
    unsubscribe('offthread:delivered', onDelivered);
  };
  subscribe('offthread:postponed', onPostponed);
  return () => {
    unsubscribe('offthread:postponed', onPostponed);
    end();
  };
}
