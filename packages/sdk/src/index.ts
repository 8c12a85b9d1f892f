// All that is public.
export { Analytics } from './analytics.js';
export type { BeforeSend, OutgoingEvent } from './before-send.js';
export type { Callback } from './bound-callback.js';
export type { DiagnosticMessages } from './diagnostics.js';
export { AnalyticsError, type ErrorCode, type SentEvent, ValidationError } from './errors.js';
export type {
  AliasEvent,
  AnyEvents,
  EventMap,
  EventType,
  GroupEvent,
  Id,
  IdentifyEvent,
  PageEvent,
  ScreenEvent,
  TrackEvent,
} from './event.js';
export type { FlushResult } from './flush.js';
export type { Mode } from './mode.js';
export type { OAuth } from './oauth.js';
export type { RedactSetting } from './redaction.js';
export type { ScopedAnalytics, ScopedEvent, ScopedTrackEvent, ScopeFields, ScopeSource } from './scope.js';
export type { AnalyticsSettings } from './settings.js';
export type { Stats } from './tally.js';
export { version } from './version.js';
