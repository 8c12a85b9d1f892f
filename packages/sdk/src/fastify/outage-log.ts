// Faults of a client's requests -> two lines in the log for each outage: when it begins, and when it is over.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyBaseLogger } from 'fastify';
import type { Analytics } from '../analytics.js';

/** Without it nobody would know before `maxRetries` is reached, which takes minutes. Returns what ends it. */
export function logOutages(client: Analytics, log: FastifyBaseLogger): () => void {
  let isOut = false;
  const onPostponed = (published: unknown): void => {
    const { analytics, count, status, attempts, message } = Object(published);
    if (analytics !== client || isOut) return;
    isOut = true;
    // Only now: it is published for each batch.
    subscribe('offthread:delivered', onDelivered);
    log.warn(
      { count, status, attempts },
      `Events cannot be delivered at present (${message}). Trying again.`,
    );
  };
  const onDelivered = (published: unknown): void => {
    if (Object(published).analytics !== client) return;
    end();
    log.info('Events are delivered again.');
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
