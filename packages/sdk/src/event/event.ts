// The types of the events that the six methods take.
import type { Instant } from './timestamp.js';

/** An id in your database. A number or bigint is sent as the string of its digits. */
export type Id = string | number | bigint;

/** Fields that every event may have. A field that is `null` counts as absent. */
export interface CommonFields {
  /** The circumstances of the event: `ip`, `userAgent`, `page` and so on. The SDK adds `library`. */
  readonly context?: object | null | undefined;
  /**
   * The destinations the event is sent to, for example `{ All: false, Kissmetrics: true }`. Names are case sensitive.
   * Source: https://segment.com/docs/connections/spec/common/#integrations
   */
  readonly integrations?: object | null | undefined;
  /**
   * When the event happened: a Date, an ISO 8601 string (UTC if it has no time zone), milliseconds since 1970, or an
   * object of dayjs, Luxon, Moment or Temporal, in the years 0 to 9999. A day that doesn't exist is refused. Sent as
   * ISO 8601 UTC with milliseconds. Set it to import historical events. Default: now.
   */
  readonly timestamp?: Date | string | number | Instant | null | undefined;
  /**
   * The API removes duplicates by this id. At most 100 characters. A number is sent as a string. Default: a unique id.
   */
  readonly messageId?: Id | null | undefined;
}

/** The user: at least one of the two ids. An empty string counts as absent if the other id is set. */
export type Identity =
  | { readonly userId: Id; readonly anonymousId?: Id | null | undefined }
  | { readonly userId?: Id | null | undefined; readonly anonymousId: Id }
  // These two accept nothing more than the first two. They improve the errors of TypeScript: it picks one of these by
  // the id of an event, and then reports the field that is really wrong. Without them, it reports that the other id is
  // missing.
  | { readonly userId?: null | undefined; readonly anonymousId: Id }
  | { readonly userId: Id; readonly anonymousId?: null | undefined };

/** Source: https://segment.com/docs/connections/spec/identify/ */
export type IdentifyEvent = CommonFields & Identity & { readonly traits?: object | null | undefined };

/** Source: https://segment.com/docs/connections/spec/track/ */
export type TrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Identity &
  NamedEvent<Events>;

/** Maps the names of events to their properties. */
export type EventMap<Events> = { readonly [Name in keyof Events]: object };

/**
 * The default event map: any name, any properties. A function that takes an `Analytics` also accepts a client with an
 * event map.
 */
// biome-ignore lint/suspicious/noExplicitAny: nothing else makes a client with a map assignable to one without.
export type AnyEvents = any;

/** The name and properties of an event in the map. */
export type NamedEvent<Events extends EventMap<Events>> = {
  readonly [Name in keyof Events & string]: {
    /** What the user did, for example `'Item Purchased'`. */
    readonly event: Name;
  } & PropertiesField<Events[Name]>;
}[keyof Events & string];

/**
 * `properties` is required if one of the properties is. Any object is accepted if the type of the properties is
 * unknown.
 */
type PropertiesField<Properties> = unknown extends Properties
  ? { readonly properties?: object | null | undefined }
  : Partial<Properties> extends Properties
    ? { readonly properties?: Properties | null | undefined }
    : { readonly properties: Properties };

/** Source: https://segment.com/docs/connections/spec/page/ */
export type PageEvent = CommonFields &
  Identity &
  PageName & { readonly properties?: object | null | undefined };

type PageName =
  | { readonly name?: string | null | undefined; readonly category?: null | undefined }
  | {
      /** Required if there is a `category`. */
      readonly name: string;
      /** Also added to `properties`. */
      readonly category?: string | null | undefined;
    };

/** Source: https://segment.com/docs/connections/spec/screen/ */
export type ScreenEvent = CommonFields &
  Identity & {
    readonly properties?: object | null | undefined;
    readonly name?: string | null | undefined;
    readonly category?: string | null | undefined;
  };

/** Source: https://segment.com/docs/connections/spec/group/ */
export type GroupEvent = CommonFields &
  Identity & { readonly groupId: Id; readonly traits?: object | null | undefined };

/** Source: https://segment.com/docs/connections/spec/alias/ */
export type AliasEvent = CommonFields & { readonly userId: Id; readonly previousId: Id };

export type EventType = 'identify' | 'track' | 'page' | 'screen' | 'group' | 'alias';

/** An event of any type. */
export type AnyEvent = CommonFields & {
  readonly userId?: Id | null | undefined;
  readonly anonymousId?: Id | null | undefined;
  readonly previousId?: Id | null | undefined;
  readonly groupId?: Id | null | undefined;
  readonly event?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly category?: string | null | undefined;
  readonly traits?: object | null | undefined;
  readonly properties?: object | null | undefined;
};
