// What becomes of events -> those who subscribed to it by node:diagnostics_channel. Used by client.ts and worker-thread.ts,
// which make a message only where `hasSubscribers` says that somebody listens.
import { type Channel, channel } from 'node:diagnostics_channel';
import type { Retry } from '@offthread/worker/protocol';
import type { AnalyticsError, ErrorCode } from '../errors.js';
import type { EventType } from '../event/event.js';
import { inRootContext } from '../runtime/root-context.js';

interface Concerned {
  /** The `Analytics` whose events they are. */
  readonly analytics: object;
  /** How many events. */
  readonly count: number;
}

interface Lost extends Concerned {
  /** What `onError` is told, if it is: not of what `beforeSend` dropped. */
  readonly error: AnalyticsError;
}

/** Channels of `node:diagnostics_channel`, and what is published on each. */
export interface DiagnosticMessages {
  /** The API took events. */
  readonly 'offthread:delivered': Concerned;
  /** A request failed and is to be repeated later. */
  readonly 'offthread:postponed': Concerned & Omit<Retry, 'count'>;
  /** Events are sent once more. Each counts in `stats().retries`. */
  readonly 'offthread:retried': Concerned & Omit<Retry, 'count'>;
  /** Events were given up after a request or more. */
  readonly 'offthread:failed': Lost;
  /** Events were given up, and not because of what came of a request. */
  readonly 'offthread:dropped': Lost;
  /** A call returned false. Unlike `onError` this tells of each. */
  readonly 'offthread:refused': Concerned & { readonly code: ErrorCode; readonly type: EventType };
  /** Events are on the disk when their client ends; the next process sends them. */
  readonly 'offthread:left': Concerned;
  /** The API took events that an earlier process had left in the spool. */
  readonly 'offthread:recovered': Concerned;
  /** The spool has trouble, or the source waits because something is set wrong: what `onError` is told. */
  readonly 'offthread:spool': { readonly analytics: object; readonly error: AnalyticsError };
  /** The worker thread died and there is a new one; nothing that it had was lost. */
  readonly 'offthread:worker-restarted': {
    /** What it died of; undefined where it did not answer any more. */
    readonly error: unknown;
  };
}

// Held here, because Node lets go of a channel that nobody holds, and of its subscribers with it.
const channels: { readonly [Name in keyof DiagnosticMessages]: Channel } = {
  'offthread:delivered': channel('offthread:delivered'),
  'offthread:postponed': channel('offthread:postponed'),
  'offthread:retried': channel('offthread:retried'),
  'offthread:failed': channel('offthread:failed'),
  'offthread:dropped': channel('offthread:dropped'),
  'offthread:refused': channel('offthread:refused'),
  'offthread:left': channel('offthread:left'),
  'offthread:recovered': channel('offthread:recovered'),
  'offthread:spool': channel('offthread:spool'),
  'offthread:worker-restarted': channel('offthread:worker-restarted'),
};

/** Whether somebody listens. */
export function isSubscribed(name: keyof DiagnosticMessages): boolean {
  return channels[name].hasSubscribers;
}

/** Publishes what `message` makes, where there are subscribers. What one of them throws is an uncaught exception. */
export function publish<Name extends keyof DiagnosticMessages>(
  name: Name,
  message: () => DiagnosticMessages[Name],
): void {
  const { [name]: target } = channels;
  if (target.hasSubscribers) inRootContext(() => target.publish(message()));
}
