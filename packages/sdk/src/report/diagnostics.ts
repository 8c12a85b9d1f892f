// Publishes what happens to events on channels of node:diagnostics_channel. Used by outcome-reporter.ts,
// rejection-reporter.ts and shared-thread.ts. A message is created only if its channel has subscribers.
import { type Channel, channel } from 'node:diagnostics_channel';
import type { Retry } from '@offthread/worker/protocol';
import type { AnalyticsError, ErrorCode } from '../errors.js';
import type { EventType } from '../event/event.js';
import { inRootContext } from '../runtime/root-context.js';

interface Concerned {
  /** The `Analytics` that tracked the events. */
  readonly analytics: object;
  /** Number of events. */
  readonly count: number;
}

interface Lost extends Concerned {
  /** The error that `onError` receives, except that `onError` isn't called for events that `beforeSend` dropped. */
  readonly error: AnalyticsError;
}

/** Channels of `node:diagnostics_channel`, and the messages published on each. */
export interface DiagnosticMessages {
  /** The API accepted events. */
  readonly 'offthread:delivered': Concerned;
  /** A request failed and will be retried later. */
  readonly 'offthread:postponed': Concerned & Omit<Retry, 'count'>;
  /** Events are sent again. Each message counts in `stats().retries`. */
  readonly 'offthread:retried': Concerned & Omit<Retry, 'count'>;
  /** Events were given up after at least one request. */
  readonly 'offthread:failed': Lost;
  /** Events were given up for a reason other than the result of a request. */
  readonly 'offthread:dropped': Lost;
  /** A call returned false. Published for every such call, unlike `onError`. */
  readonly 'offthread:refused': Concerned & { readonly code: ErrorCode; readonly type: EventType };
  /** Events were on disk when their client ended. The next process sends them. */
  readonly 'offthread:left': Concerned;
  /** The API accepted events that an earlier process had left in the spool. */
  readonly 'offthread:recovered': Concerned;
  /** The spool has a problem, or it has paused because of a wrong setting. `onError` receives the same error. */
  readonly 'offthread:spool': { readonly analytics: object; readonly error: AnalyticsError };
  /** The worker thread died and a new one has started. No events were lost. */
  readonly 'offthread:worker-restarted': {
    /** Why it died. Undefined if it stopped responding. */
    readonly error: unknown;
  };
}

// Referenced here, because Node.js collects a channel that nothing references, together with its subscribers.
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

/** Whether the channel has subscribers. */
export function isSubscribed(name: keyof DiagnosticMessages): boolean {
  return channels[name].hasSubscribers;
}

/**
 * Publishes the result of `message` if there are subscribers. If a subscriber throws, that is an uncaught exception.
 */
export function publish<Name extends keyof DiagnosticMessages>(
  name: Name,
  message: () => DiagnosticMessages[Name],
): void {
  const { [name]: target } = channels;
  if (target.hasSubscribers) inRootContext(() => target.publish(message()));
}
