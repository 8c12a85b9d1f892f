// What `new Analytics()` takes: the settings and their names. Apart from settings.ts, so that who needs the names does not load the checks.
import type { AnalyticsError } from '../errors.js';
import type { BeforeSend } from '../event/before-send.js';
import type { OAuth } from './oauth.js';
import type { RedactSetting } from './redact.js';
import type { SpoolSettings } from './spool.js';
import type { TlsSettings } from './tls.js';

/** What `new Analytics()` takes. Only `writeKey` is required. */
export interface AnalyticsSettings {
  /** The write key of the source the events go to. A non-empty string. */
  readonly writeKey: string;
  /**
   * Address of the Tracking API. A bare host, a scheme, a trailing slash and a trailing `/v1` are all understood.
   * Plain `http:` is for loopback only, see `allowInsecureHost`. Default: the host of `region`.
   */
  readonly host?: string | undefined;
  /**
   * Where the workspace lives: `'us'` (Oregon) or `'eu'` (Dublin). Data sent to the wrong one vanishes with a 200.
   * Not together with `host`. Default: `'us'`.
   * Source: https://segment.com/docs/guides/regional-segment/
   */
  readonly region?: 'us' | 'eu' | undefined;
  /** Sends access tokens of OAuth 2.0, got from a token server. Default: the write key is enough. */
  readonly oauth?: OAuth | undefined;
  /** Path of the batch endpoint below `host`. Default: `'/v1/batch'`. */
  readonly path?: string | undefined;
  /** Most events in one request while at most ten times as many wait, 1 to 2,500. Default: 100. */
  readonly batchSize?: number | undefined;
  /**
   * Most events in one request while more wait than ten times `batchSize`, from `batchSize` to 2,500. Default: `batchSize`
   * if that is set, otherwise 2,500.
   */
  readonly maxBatchSize?: number | undefined;
  /** Most events accepted and not yet settled; beyond it the newest is refused. Default: 10,000. */
  readonly maxQueueSize?: number | undefined;
  /** Most bytes of memory that events not yet settled may occupy; beyond it the newest is refused. Default: 64 MB. */
  readonly maxQueueBytes?: number | undefined;
  /** Milliseconds a batch that is not full may wait for more events. Default: 0. */
  readonly linger?: number | undefined;
  /** How often a batch is sent again after a fault before it fails. Default: 10. */
  readonly maxRetries?: number | undefined;
  /** Milliseconds after which no batch is tried again, whatever the API asks for. Default: 43,200,000 (12 hours). */
  readonly maxRetryDuration?: number | undefined;
  /** Milliseconds for one whole request. Default: 10,000. */
  readonly requestTimeout?: number | undefined;
  /**
   * Milliseconds `close()` and the end of the process wait at most, and `flush()` and `flushAsync()` from the last event
   * that settled. Default: 5,000.
   */
  readonly flushTimeout?: number | undefined;
  /** Called with everything that goes wrong after the call. What it throws or rejects with is ignored. */
  readonly onError?: ((error: AnalyticsError) => unknown) | undefined;
  /**
   * Sees each event before it is accepted and may change it, or drop it by returning null. A list is called in order,
   * each with what the one before returned. Runs on the thread that calls, also for what is sent again by `resend()`.
   * What throws, returns a Promise or no event drops the event with a report: `before_send_failed`. Default: none.
   */
  readonly beforeSend?: BeforeSend | readonly BeforeSend[] | undefined;
  /**
   * Takes values out of events, or hashes them, in the worker thread, before events are batched and measured. What
   * `onError` is given is your own, and as it was before: use `beforeSend` for what not even that may see. Default: none.
   */
  readonly redact?: RedactSetting | undefined;
  /**
   * Starts no worker thread and sends nothing: calls are checked and accepted as ever, and settle as delivered. For where
   * nothing is to be tracked. Comes before `stub`. Default: false.
   */
  readonly disable?: boolean | undefined;
  /** Answers every request with a success, without a network; the worker thread does all else. Default: false. */
  readonly stub?: boolean | undefined;
  /** Compresses request bodies. Default: false. */
  readonly gzip?: boolean | undefined;
  /** Allows plain `http:` beyond loopback, where anybody on the way can read write key and events. Default: false. */
  readonly allowInsecureHost?: boolean | undefined;
  /**
   * HTTP proxy by which requests go, as `'http://user:password@proxy.example:3128'`, or with `https:` where the proxy
   * itself speaks TLS; false for none. Default: what `HTTPS_PROXY` says, `HTTP_PROXY` for a plain `host`, unless
   * `NO_PROXY` exempts the host or it is loopback; each also in lower case, which wins.
   */
  readonly proxy?: string | false | undefined;
  /** Authorities to trust instead of those of Node.js, and a certificate of our own (mTLS). Default: neither. */
  readonly tls?: TlsSettings | undefined;
  /** Headers sent with each request, for gateways. Values are shown nowhere. Default: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Keeps events on the disk until they are sent: the path of a directory, or an object with it. What was accepted then
   * survives SIGKILL, a crash and an outage of days, and the next process with this write key sends it. Default: none.
   */
  readonly spool?: string | SpoolSettings | undefined;
  /**
   * Flushes, for `flushTimeout` at most, when the process ends. With `'store'`, which needs a `spool`, events are only put on
   * the disk, which takes milliseconds, and the next process sends them. Default: true.
   */
  readonly flushOnExit?: boolean | 'store' | undefined;
  /**
   * Signals upon which to flush, for `flushTimeout` at most. Where nobody else listens for the signal, it is raised
   * again afterwards, so that the process ends by it. Default: none, no handler is installed.
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

/** The name of a setting; settings.ts has a check for each. */
export type SettingName = (typeof NAMES)[number];

/** The names of all settings. */
export const SETTINGS: readonly string[] = NAMES;
