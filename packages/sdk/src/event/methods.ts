// The six methods, stated once: what each takes if the event need not say who did it. analytics.ts has those that demand an id.
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

/** Called once with how an event ended: with nothing if the API took it. Runs in the async context of the call. */
export type Callback = (error?: AnalyticsError) => unknown;

/** Who did it, as far as it is known. */
export interface Ids {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
}

/** An event that need not say who did it. What is `null` is left out, whatever it could inherit. */
export type ScopedEvent<Event> = Event extends unknown ? Omit<Event, keyof Ids> & Ids : never;

/** The same of `track()`, with the names and properties of a map. */
export type ScopedTrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Ids &
  NamedEvent<Events>;

/** What each method takes. */
interface ScopedEvents<Events extends EventMap<Events>> {
  /** Ties the user to what is known about them. */
  identify: ScopedEvent<IdentifyEvent>;
  /** Records what the user did. */
  track: ScopedTrackEvent<Events>;
  /** Records that the user saw a page. */
  page: ScopedEvent<PageEvent>;
  /** Records that the user saw a screen of an app. */
  screen: ScopedEvent<ScreenEvent>;
  /** Ties the user to a group. */
  group: ScopedEvent<GroupEvent>;
  /** Ties `previousId` to the user. */
  alias: Omit<AliasEvent, 'userId'> & Pick<Ids, 'userId'>;
}

// The types of methods, and not of functions, so that a client, which demands more of an event, is a `ScopedAnalytics`.
interface Method<Event> {
  call(event: Event, callback?: Callback): boolean;
  callWithDefault(event?: Event, callback?: Callback): boolean;
}

/**
 * The six methods of a client for code that is called within `withContext()`, where an event need not say who did it.
 * Every `Analytics` is one, and so is `request.analytics` of the Fastify plugin. At run time there is no difference: an
 * event that nobody did throws a `ValidationError`.
 */
export type ScopedAnalytics<Events extends EventMap<Events> = AnyEvents> = {
  [Type in keyof ScopedEvents<Events>]: Method<ScopedEvents<Events>[Type]>['call'];
};

/**
 * The six methods of a client, on a request: what it says of itself goes into the `context` of each event, and what
 * `identify` says of it into `userId` and `anonymousId`. Fields of the call win.
 */
export type RequestAnalytics<Events extends EventMap<Events> = AnyEvents> = {
  [Type in keyof ScopedEvents<Events>]: Type extends 'identify' | 'page'
    ? Method<ScopedEvents<Events>[Type]>['callWithDefault']
    : Method<ScopedEvents<Events>[Type]>['call'];
};
