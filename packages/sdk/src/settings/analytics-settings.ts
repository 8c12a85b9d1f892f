// The settings of `new Analytics()` and their names. Separate from settings.ts, so that code that needs only the names
// doesn't load the checks.
import type { AnalyticsError } from '../errors.js';
import type { BeforeSend } from '../event/before-send.js';
import type { OAuth } from './oauth.js';
import type { RedactSetting } from './redact.js';
import type { SpoolSettings } from './spool.js';
import type { TlsSettings } from './tls.js';

/** The settings of `new Analytics()`. Only `writeKey` is required. */
export interface AnalyticsSettings {
  /** The write key of the source that events are sent to. A non-empty string. */
  readonly writeKey: string;
  /**
   * Address of the Tracking API: a host or a URL. A trailing slash and a trailing `/v1` are ignored. Plain `http:` is
   * allowed for loopback only, see `allowInsecureHost`. Default: the host of `region`.
   */
  readonly host?: string | undefined;
  /**
   * Region of the workspace: `'us'` (Oregon) or `'eu'` (Dublin). The wrong region answers 200 and discards the data.
   * Can't be combined with `host`. Default: `'us'`. Source: https://segment.com/docs/guides/regional-segment/
   */
  readonly region?: 'us' | 'eu' | undefined;
  /** Authenticates with OAuth 2.0 access tokens from a token server. Default: only the write key is sent. */
  readonly oauth?: OAuth | undefined;
  /** Path of the batch endpoint below `host`. Default: `'/v1/batch'`. */
  readonly path?: string | undefined;
  /** Maximum number of events per request, 1 to 2,500, while at most ten times as many are waiting. Default: 100. */
  readonly batchSize?: number | undefined;
  /**
   * Maximum number of events per request while more than ten times `batchSize` are waiting. From `batchSize` to 2,500.
   * Default: `batchSize` if it is set, otherwise 2,500.
   */
  readonly maxBatchSize?: number | undefined;
  /** Maximum number of unsettled events. Further events are refused. Default: 10,000. */
  readonly maxQueueSize?: number | undefined;
  /** Maximum number of bytes of memory for unsettled events. Further events are refused. Default: 64 MB. */
  readonly maxQueueBytes?: number | undefined;
  /** Milliseconds that a batch that isn't full waits for more events. Default: 0. */
  readonly linger?: number | undefined;
  /** Maximum number of retries of a batch. Default: 10. */
  readonly maxRetries?: number | undefined;
  /**
   * Milliseconds after which a batch is no longer retried, whatever the API asks for. Default: 43,200,000 (12 hours).
   */
  readonly maxRetryDuration?: number | undefined;
  /** Timeout of a whole request in milliseconds. Default: 10,000. */
  readonly requestTimeout?: number | undefined;
  /**
   * Maximum milliseconds that `close()` and the end of the process wait. `flush()` and `flushAsync()` wait this long
   * after the last event that settled. Default: 5,000.
   */
  readonly flushTimeout?: number | undefined;
  /** Called with every error that occurs after the call. Exceptions and rejections of the function are ignored. */
  readonly onError?: ((error: AnalyticsError) => unknown) | undefined;
  /**
   * Receives each event before it is accepted. It may change the event, or drop it by returning null. The functions of
   * a list are called in order, each with the result of the previous one. Runs on the calling thread, also for
   * `resend()`. If it throws, or returns a Promise or an invalid event, the event is dropped and reported as
   * `before_send_failed`. Default: none.
   */
  readonly beforeSend?: BeforeSend | readonly BeforeSend[] | undefined;
  /**
   * Removes or hashes values of events in the worker thread, before events are batched and measured. `onError` receives
   * the original events: use `beforeSend` for values that it must not see either. Default: none.
   */
  readonly redact?: RedactSetting | undefined;
  /**
   * Starts no worker thread and sends nothing. Calls are still checked and accepted, and their events count as
   * delivered. For environments in which nothing is tracked. Takes precedence over `stub`. Default: false.
   */
  readonly disable?: boolean | undefined;
  /** Treats every request as successful, without a network. The worker thread does everything else. Default: false. */
  readonly stub?: boolean | undefined;
  /** Compresses request bodies. Default: false. */
  readonly gzip?: boolean | undefined;
  /**
   * Allows plain `http:` beyond loopback, so that anyone on the network can read write key and events. Default: false.
   */
  readonly allowInsecureHost?: boolean | undefined;
  /**
   * HTTP proxy for requests, like `'http://user:password@proxy.example:3128'`, or with `https:` if the proxy itself
   * uses TLS; false for none. Default: the value of `HTTPS_PROXY`, or of `HTTP_PROXY` for a plain `host`, unless
   * `NO_PROXY` exempts the host or it is loopback. The variables may be in lower case, which takes precedence.
   */
  readonly proxy?: string | false | undefined;
  /**
   * Certificate authorities to trust instead of those of Node.js, and a client certificate (mTLS). Default: neither.
   */
  readonly tls?: TlsSettings | undefined;
  /** Headers to add to each request, for gateways. Their values are never shown. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Stores events on disk until they are sent: the path of a directory, or an object with it. Accepted events then
   * survive SIGKILL, a crash and an outage of days, and the next process with this write key sends them. Default: none.
   */
  readonly spool?: string | SpoolSettings | undefined;
  /**
   * Flushes for at most `flushTimeout` when the process ends. With `'store'`, which requires a `spool`, events are only
   * stored on disk, which takes milliseconds, and the next process sends them. Default: true.
   */
  readonly flushOnExit?: boolean | 'store' | undefined;
  /**
   * Flushes on these signals, for at most `flushTimeout`. If the signal has no other listener, it is raised again
   * afterwards, so that it ends the process. Default: none, and no handler is installed.
   */
  readonly flushOnSignals?: readonly NodeJS.Signals[] | undefined;
}

const NAMES = [
  'writeKey',
  'host',
  'region',
  'path',
  'oauth',
  'batchSize',
  'maxBatchSize',
  'maxQueueSize',
  'maxQueueBytes',
  'linger',
  'maxRetries',
  'maxRetryDuration',
  'requestTimeout',
  'flushTimeout',
  'onError',
  'beforeSend',
  'redact',
  'disable',
  'stub',
  'gzip',
  'allowInsecureHost',
  'proxy',
  'tls',
  'headers',
  'spool',
  'flushOnExit',
  'flushOnSignals',
] as const satisfies readonly (keyof AnalyticsSettings)[];

/** The name of a setting. settings.ts has a check for each. */
export type SettingName = (typeof NAMES)[number];

/** The names of all settings. */
export const SETTINGS: readonly string[] = NAMES;
