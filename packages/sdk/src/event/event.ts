// The events that the six methods take, as types.
import type { Instant } from './timestamp.js';

/** An id in your database. A number or bigint is sent as the string of its digits. */
export type Id = string | number | bigint;

/** What every event may have. `null` counts as absent, everywhere. */
export interface CommonFields {
  /** What is known about the circumstances: `ip`, `userAgent`, `page`, … `library` is added. */
  readonly context?: object | null | undefined;
  /**
   * Which destinations the event goes to, for example `{ All: false, Kissmetrics: true }`. Names are case sensitive.
   * Source: https://segment.com/docs/connections/spec/common/#integrations
   */
  readonly integrations?: object | null | undefined;
  /**
   * When it happened: a Date, an ISO 8601 string (without a zone it is UTC), milliseconds since 1970, or a point in time
   * of dayjs, Luxon, Moment or Temporal, in a year of four digits. Days that do not exist are refused. Sent as ISO 8601
   * UTC with milliseconds. For historical import. Default: now.
   */
  readonly timestamp?: Date | string | number | Instant | null | undefined;
  /** What the API deduplicates on, at most 100 characters. A number is sent as a string. Default: a unique one. */
  readonly messageId?: Id | null | undefined;
}

/** Who did it: at least one of the two. An empty string counts as absent if the other one is there. */
export type Identity =
  | { readonly userId: Id; readonly anonymousId?: Id | null | undefined }
  | { readonly userId?: Id | null | undefined; readonly anonymousId: Id }
  // Nothing that the first two do not take. But a compiler that looks for the member that was meant finds one of these by
  // the ids of an event, and blames the field that is missing; otherwise it would blame the other id.
  | { readonly userId?: null | undefined; readonly anonymousId: Id }
  | { readonly userId: Id; readonly anonymousId?: null | undefined };

/** Source: https://segment.com/docs/connections/spec/identify/ */
export type IdentifyEvent = CommonFields & Identity & { readonly traits?: object | null | undefined };

/** Source: https://segment.com/docs/connections/spec/track/ */
export type TrackEvent<Events extends EventMap<Events> = AnyEvents> = CommonFields &
  Identity &
  NamedEvent<Events>;

/** Names of events with the properties of each, as a type or an interface. */
export type EventMap<Events> = { readonly [Name in keyof Events]: object };

/**
 * Where no map is given: any name, any properties. Code that asks for an `Analytics` is so given one with a map as well,
 * and need not know of maps.
 */
// biome-ignore lint/suspicious/noExplicitAny: nothing else lets a client with a map stand for one without.
export type AnyEvents = any;

/** One of the names, with its properties. */
export type NamedEvent<Events extends EventMap<Events>> = {
  readonly [Name in keyof Events & string]: {
    /** What the user did, in words like `'Item Purchased'`. */
    readonly event: Name;
  } & PropertiesField<Events[Name]>;
}[keyof Events & string];

/** Required where one of the properties is. Any object where it is not known what they are. */
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
      /** Is added to `properties`. */
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

/** Any event, as `check` sees it. */
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
