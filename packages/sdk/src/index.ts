// The public API of the package.
export { Analytics } from './analytics.js';
export { AnalyticsError, type ErrorCode, type SentEvent, ValidationError } from './errors.js';
export type { BeforeSend, OutgoingEvent } from './event/before-send.js';
export type {
  AliasEvent,
  AnyEvents,
  CommonFields,
  EventMap,
  EventType,
  GroupEvent,
  Id,
  IdentifyEvent,
  Identity,
  NamedEvent,
  PageEvent,
  ScreenEvent,
  TrackEvent,
} from './event/event.js';
export type { Callback, Ids, ScopedAnalytics, ScopedEvent, ScopedTrackEvent } from './event/methods.js';
export type { ScopeFields, ScopeSource } from './event/scope.js';
export type { Instant } from './event/timestamp.js';
export type { FlushResult } from './flush/flush.js';
export type { Mode, Stats } from './report/counters.js';
export type { DiagnosticMessages } from './report/diagnostics.js';
export type { AnalyticsSettings } from './settings/analytics-settings.js';
export type { OAuth } from './settings/oauth.js';
export type { RedactSetting } from './settings/redact.js';
export type { SpoolSettings } from './settings/spool.js';
export type { TlsSettings } from './settings/tls.js';
export type { SpoolStats } from './spool/spool-stats.js';
export { version } from './version.js';
