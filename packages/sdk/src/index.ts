// All that is public.
export { Analytics } from './analytics.js';
export { AnalyticsError, type ErrorCode, type SentEvent, ValidationError } from './errors.js';
export type { BeforeSend, OutgoingEvent } from './event/before-send.js';
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
} from './event/event.js';
export type {
  ScopedAnalytics,
  ScopedEvent,
  ScopedTrackEvent,
  ScopeFields,
  ScopeSource,
} from './event/scope.js';
export type { FlushResult } from './flush/flush.js';
export type { Callback } from './report/bound-callback.js';
export type { Stats } from './report/counters.js';
export type { DiagnosticMessages } from './report/diagnostics.js';
export type { OAuth } from './settings/oauth.js';
export type { RedactSetting } from './settings/redact.js';
export type { AnalyticsSettings } from './settings/settings.js';
export type { Mode } from './thread/mode.js';
export { version } from './version.js';
