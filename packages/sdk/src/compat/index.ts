// A drop-in for @segment/analytics-node 3: its classes, settings and types on top of this package.
export { Analytics } from './analytics-node.js';
export type { AnalyticsSettings, OAuthSettings } from './compat-settings.js';
export type { EmittedError, Emitter, EmitterEvents } from './emitter.js';
export {
  type Callback,
  Context,
  ContextCancelation,
  type LogLevel,
  type LogMessage,
} from './event-context.js';
export type {
  AliasParams,
  CloseAndFlushParams,
  ExtraContext,
  FlushParams,
  GroupParams,
  GroupTraits,
  IdentifyParams,
  PageParams,
  SegmentEvent,
  TrackParams,
  UserTraits,
} from './event-params.js';
export {
  FetchHTTPClient,
  type HTTPClient,
  type HTTPClientRequest,
  type HTTPFetchFn,
  type HTTPFetchRequest,
  type HTTPResponse,
} from './http-client.js';
export type { Plugin, PluginHost } from './plugins.js';
