// The public API of the package.
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
export type { Callback, ScopedAnalytics, ScopedEvent, ScopedTrackEvent } from './event/methods.js';
export type { ScopeFields, ScopeSource } from './event/scope.js';
export type { FlushResult } from './flush/flush.js';
export type { Mode, Stats } from './report/counters.js';
export type { DiagnosticMessages } from './report/diagnostics.js';
export type { AnalyticsSettings } from './settings/analytics-settings.js';
export type { OAuth } from './settings/oauth.js';
export type { RedactSetting } from './settings/redact.js';
export { version } from './version.js';
