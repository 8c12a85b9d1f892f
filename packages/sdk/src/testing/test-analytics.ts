// The client with a memory instead of a worker. In: the caller's events. Out: what would have been sent. Next: recorder.ts.
import { Analytics } from '../analytics.js';
import type { AnyEvents, EventMap, EventType } from '../event/event.js';
import { plainFields } from '../input/fields.js';
import { type AnalyticsSettings, SETTINGS } from '../settings/settings.js';
import { Recorder } from './recorder.js';

/** An event as it would have been sent. */
export interface RecordedEvent {
  readonly type: EventType;
  readonly messageId: string;
  /** ISO 8601 UTC with milliseconds. */
  readonly timestamp: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly integrations?: Readonly<Record<string, unknown>>;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly previousId?: string;
  readonly groupId?: string;
  readonly event?: string;
  readonly name?: string;
  readonly category?: string;
  readonly traits?: Readonly<Record<string, unknown>>;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/**
 * An `Analytics` for tests: no thread, no network, everything else as in production. An event is in `events` as soon
 * as the call has returned; callbacks and `onError` are called when the code that is running ends, or by `flush()`.
 */
export class TestAnalytics<Events extends EventMap<Events> = AnyEvents> extends Analytics<Events> {
  readonly #events: RecordedEvent[];

  constructor(settings: Partial<AnalyticsSettings>) {
    const events: RecordedEvent[] = [];
    super({ writeKey: 'TEST', ...plainFields(settings, SETTINGS) }, (pendingEvents, settings, listener) => {
      return new Recorder(pendingEvents, settings, listener, (event) => events.push(JSON.parse(event)));
    });
    this.#events = events;
  }

  /** What would have been sent since the last `reset()`, oldest first. */
  get events(): readonly RecordedEvent[] {
    return [...this.#events];
  }

  get identifies(): readonly RecordedEvent[] {
    return this.byType('identify');
  }

  get tracks(): readonly RecordedEvent[] {
    return this.byType('track');
  }

  get pages(): readonly RecordedEvent[] {
    return this.byType('page');
  }

  get screens(): readonly RecordedEvent[] {
    return this.byType('screen');
  }

  get groups(): readonly RecordedEvent[] {
    return this.byType('group');
  }

  get aliases(): readonly RecordedEvent[] {
    return this.byType('alias');
  }

  /** The events of one type, oldest first. */
  byType(type: EventType): readonly RecordedEvent[] {
    return this.#events.filter((event) => event.type === type);
  }

  /** Forgets all events, for the next test. `stats()` goes on counting. */
  reset(): void {
    this.#events.length = 0;
  }
}

/**
 * Makes a client for tests. All settings are those of `new Analytics()`; none is required.
 *
 * @throws {ValidationError} `invalid_setting`, as `new Analytics()` does.
 */
export function createTestAnalytics<Events extends EventMap<Events> = AnyEvents>(
  settings: Partial<AnalyticsSettings> = {},
): TestAnalytics<Events> {
  return new TestAnalytics<Events>(settings);
}
