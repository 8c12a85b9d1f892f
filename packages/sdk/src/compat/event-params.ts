// The types of the events that the methods of the drop-in take.
import type { CommonFields, EventType, Id, Identity } from '../event/event.js';

/** Further information about an event. Source: https://segment.com/docs/connections/spec/common/#context */
export type ExtraContext = Fields;

/** Traits of a user. Source: https://segment.com/docs/connections/spec/identify/#traits */
export type UserTraits = Fields;

/** Traits of a group. Source: https://segment.com/docs/connections/spec/group/#traits */
export type GroupTraits = Fields;

// biome-ignore lint/suspicious/noExplicitAny: as in analytics-node, objects of any interface are assignable, and plugins read any property.
type Fields = Record<string, any>;

type Common = CommonFields & Identity;

export type TrackParams = Common & { readonly event: string; readonly properties?: Fields | undefined };
export type IdentifyParams = Common & { readonly traits?: UserTraits | undefined };
export type GroupParams = Common & { readonly groupId: Id; readonly traits?: GroupTraits | undefined };
export type AliasParams = CommonFields & { readonly userId: Id; readonly previousId: Id };
export type PageParams = Common & {
  readonly name?: string | undefined;
  readonly category?: string | undefined;
  readonly properties?: Fields | undefined;
};

export interface FlushParams {
  /** Maximum milliseconds to wait. Default: until all events are settled. */
  readonly timeout?: number | undefined;
  /** Refuses all further events. Default: false. */
  readonly close?: boolean | undefined;
}

export type CloseAndFlushParams = Pick<FlushParams, 'timeout'>;

/** An event on its way, as plugins may change it. */
export interface SegmentEvent {
  type: EventType;
  messageId?: Id | undefined;
  timestamp?: CommonFields['timestamp'];
  userId?: Id | undefined;
  anonymousId?: Id | undefined;
  previousId?: Id | undefined;
  groupId?: Id | undefined;
  event?: string | undefined;
  name?: string | undefined;
  category?: string | undefined;
  properties?: Fields | undefined;
  traits?: Fields | undefined;
  context?: Fields | undefined;
  integrations?: Fields | undefined;
}
