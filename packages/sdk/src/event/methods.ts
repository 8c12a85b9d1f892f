// The types of the six methods of scoped clients, on which an event doesn't need an id. For the methods that require
// one, see analytics.ts.
import type { AnalyticsError } from '../errors.js';
import type {
  AliasEvent,
  AnyEvents,
  CommonFields,
  EventMap,
  EventType,
  GroupEvent,
  Id,
  IdentifyEvent,
  NamedEvent,
  PageEvent,
  ScreenEvent,
} from './event.js';

export const METHODS: readonly EventType[] = ['identify', 'track', 'page', 'screen', 'group', 'alias'];

/** Called once per event, without an error if the API accepted it. Runs in the async context of the call. */
export type Callback = (error?: AnalyticsError) => unknown;

/** The ids of the user, if known. */
export interface Ids {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
}

/** An event that doesn't need an id. A field that is `null` is left out, even if it could be inherited. */
export type ScopedEvent<Event> = Event extends unknown ? Omit<Event, keyof Ids> & Ids : never;

/** A `track()` event that doesn't need an id, with the names and properties of an event map. */
export type ScopedTrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Ids &
  NamedEvent<Events>;

/** The event that each method takes. */
interface ScopedEvents<Events extends EventMap<Events>> {
  /** Records traits of the user. */
  identify: ScopedEvent<IdentifyEvent>;
  /** Records an action of the user. */
  track: ScopedTrackEvent<Events>;
  /** Records a page view. */
  page: ScopedEvent<PageEvent>;
  /** Records a screen view in an app. */
  screen: ScopedEvent<ScreenEvent>;
  /** Adds the user to a group. */
  group: ScopedEvent<GroupEvent>;
  /** Merges `previousId` into the user. */
  alias: Omit<AliasEvent, 'userId'> & Pick<Ids, 'userId'>;
}

// Methods and not function properties: their parameters are bivariant, so a client, which requires more fields, is
// assignable to `ScopedAnalytics`.
interface Method<Event> {
  call(event: Event, callback?: Callback): boolean;
  callWithDefault(event?: Event, callback?: Callback): boolean;
}

/**
 * The six methods of a client for code that is called in `withContext()`, where an event doesn't need an id. Every
 * `Analytics` is assignable to this type, and so is `request.analytics` of the Fastify plugin. At run time there is no
 * difference: an event that has no id and inherits none throws a `ValidationError`.
 */
export type ScopedAnalytics<Events extends EventMap<Events> = AnyEvents> = {
  [Type in keyof ScopedEvents<Events>]: Method<ScopedEvents<Events>[Type]>['call'];
};

/**
 * The six methods of a client on a request. Data of the request is added to the `context` of each event, and the ids
 * that `identify` returns are added as `userId` and `anonymousId`. Fields of the event take precedence.
 */
export type RequestAnalytics<Events extends EventMap<Events> = AnyEvents> = {
  [Type in keyof ScopedEvents<Events>]: Type extends 'identify' | 'page'
    ? Method<ScopedEvents<Events>[Type]>['callWithDefault']
    : Method<ScopedEvents<Events>[Type]>['call'];
};
