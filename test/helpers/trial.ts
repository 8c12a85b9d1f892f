// A client that accounts for each of its events by id.
import type { RemoteControl } from '@offthread/devtools';
import { Analytics, type AnalyticsError, type AnalyticsSettings, type FlushResult } from '@offthread/sdk';
import { expect } from 'vitest';

let made = 0;

/** A client that records what it reports about each of its events. */
export class Trial {
  readonly analytics: Analytics;
  /** The errors passed to `onError`. */
  readonly errors: AnalyticsError[] = [];
  /** The messageIds of all accepted events, in order. */
  readonly accepted: string[] = [];
  /** What callbacks were called with, by messageId. */
  readonly endings = new Map<string, AnalyticsError | undefined>();
  /** What was settled when the last flush ended. */
  #settled = { delivered: 0, lost: 0 };

  constructor(settings: Partial<AnalyticsSettings>) {
    this.analytics = new Analytics({
      writeKey: 'KEY',
      flushOnExit: false,
      onError: (error) => this.errors.push(error),
      ...settings,
    });
  }

  /** Tracks `count` events, all of which must be accepted. Returns their messageIds in order. */
  track(count = 1, event = 'Thing Done', properties: object = {}): string[] {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const messageId = `trial-${++made}`;
      expect(this.try(messageId, event, properties)).toBe(true);
      ids.push(messageId);
    }
    return ids;
  }

  /** Tracks one event. Returns whether it was accepted. */
  try(messageId: string, event = 'Thing Done', properties: object = {}): boolean {
    const taken = this.analytics.track({ userId: 'user-1', event, messageId, properties }, (error) => {
      if (this.accepted.includes(messageId)) {
        expect(this.endings.has(messageId), `${messageId} ended twice`).toBe(false);
        this.endings.set(messageId, error);
      }
    });
    if (taken) this.accepted.push(messageId);
    return taken;
  }

  /**
   * As the method of the client, but counts what was delivered and what has failed since the last flush of this trial. The
   * client counts what it has waited for: what the worker has settled before a flush begins isn't part of that.
   */
  flush(timeoutMs: number): FlushResult {
    return this.#counted(this.analytics.flush(timeoutMs));
  }

  /** The same for `flushAsync()`. */
  async flushAsync(timeoutMs: number): Promise<FlushResult> {
    return this.#counted(await this.analytics.flushAsync(timeoutMs));
  }

  /** Ids of the accepted events that were reported with a code. */
  ids(...codes: AnalyticsError['code'][]): string[] {
    const errors = this.errors.filter(({ code }) => codes.includes(code));
    return errors.flatMap(({ events }) => events.map(({ messageId }) => String(messageId)));
  }

  /**
   * Checks that the counters balance, and that they agree, id by id, with callbacks, `onError` and the events that the
   * API received from this client. Call it when nothing is in flight.
   */
  async balance(api: RemoteControl): Promise<void> {
    const { accepted, delivered, failed, dropped, pending } = this.analytics.stats();
    const lost = failed + Object.values(dropped).reduce((sum, count) => sum + count, 0);
    expect(accepted).toBe(this.accepted.length);
    expect(delivered + lost + pending).toBe(accepted);
    const taken = this.accepted.filter((id) => this.endings.has(id) && this.endings.get(id) === undefined);
    const given = this.accepted.filter((id) => this.endings.get(id) !== undefined);
    expect(taken).toHaveLength(delivered);
    expect(given).toHaveLength(lost);
    const reported = this.errors.filter(({ code }) => code !== 'queue_full').flatMap(({ events }) => events);
    expect(reported.map(({ messageId }) => messageId)).toEqual(given);
    const known = new Set(this.accepted);
    const received = new Set((await api.messageIds()).filter((id) => known.has(id)));
    expect([...received].sort()).toEqual([...taken].sort());
  }

  #counted(result: FlushResult): FlushResult {
    const before = this.#settled;
    const { delivered, failed, dropped } = this.analytics.stats();
    const lost = failed + Object.values(dropped).reduce((sum, count) => sum + count, 0);
    this.#settled = { delivered, lost };
    return { ...result, delivered: delivered - before.delivered, failed: lost - before.lost };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.analytics.close(0);
  }
}
