// The client for tests, which records events instead of sending them. Next: recording-transport.ts.
import { Analytics } from '../analytics.js';
import type { AnyEvents, EventMap, EventType } from '../event/event.js';
import { plainFields } from '../input/fields.js';
import { type AnalyticsSettings, SETTINGS } from '../settings/analytics-settings.js';
import { injectTransport } from '../thread/injected-transport.js';
import { createRecordingTransport } from './recording-transport.js';

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
 * An `Analytics` for tests, without a worker thread or network. Everything else is as in production. An event is in
 * `events` when the call returns. Callbacks and `onError` are called in a microtask, or by `flush()`.
 */
export class TestAnalytics<Events extends EventMap<Events> = AnyEvents> extends Analytics<Events> {
  readonly #events: RecordedEvent[];

  constructor(settings: Partial<AnalyticsSettings>) {
    const events: RecordedEvent[] = [];
    const transport = createRecordingTransport((event) => events.push(JSON.parse(event)));
    super(injectTransport({ writeKey: 'TEST', ...plainFields(settings, SETTINGS) }, transport));
    this.#events = events;
  }

  /** The events that would have been sent since the last `reset()`, oldest first. */
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

  /** Clears `events`, for the next test. Doesn't reset `stats()`. */
  reset(): void {
    this.#events.length = 0;
  }
}

/**
 * Creates a client for tests. Takes the settings of `new Analytics()`, all of them optional.
 *
 * @throws {ValidationError} `invalid_setting`, as `new Analytics()` does.
 */
export function createTestAnalytics<Events extends EventMap<Events> = AnyEvents>(
  settings: Partial<AnalyticsSettings> = {},
): TestAnalytics<Events> {
  return new TestAnalytics<Events>(settings);
}
