// What the caller wants -> settings with every default filled in, or a ValidationError. Next: analytics.ts.
import { constants } from 'node:os';
import { MAX_BATCH_EVENTS } from '@offthread/worker/limits';
import type { DeliverySettings, Redaction, Tls } from '@offthread/worker/protocol';
import { type AnalyticsError, conceal, show, ValidationError } from '../errors.js';
import { type BeforeSend, checkBeforeSend } from '../event/before-send.js';
import { field } from '../input/fields.js';
import { OTHER_SETTINGS } from '../input/other-names.js';
import { suggest } from '../input/suggest.js';
import { version } from '../version.js';
import { normalizeHost } from './address.js';
import { headers } from './headers.js';
import { type OAuth, resolveOAuth } from './oauth.js';
import { type ProxySetting, proxy, proxyFor } from './proxy.js';
import { checkRedact, type RedactSetting } from './redact.js';
import { type TlsSettings, tls } from './tls.js';

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
  /** Flushes, for `flushTimeout` at most, when the process ends. Default: true. */
  readonly flushOnExit?: boolean | undefined;
  /**
   * Signals upon which to flush, for `flushTimeout` at most. Where nobody else listens for the signal, it is raised
   * again afterwards, so that the process ends by it. Default: none, no handler is installed.
   */
  readonly flushOnSignals?: readonly NodeJS.Signals[] | undefined;
}

/** Settings with every default filled in. */
export type Settings = {
  readonly [Name in Exclude<
    keyof AnalyticsSettings,
    'host' | 'region' | 'path' | 'oauth' | 'onError' | 'beforeSend' | 'redact' | 'proxy' | 'tls'
  >]-?: NonNullable<AnalyticsSettings[Name]>;
} & {
  /** Where batches are posted to. */
  readonly url: string;
  readonly oauth: DeliverySettings['oauth'];
  readonly onError: AnalyticsSettings['onError'];
  /** URL of the proxy on the way to `url`, where there is one. */
  readonly proxy: string | undefined;
  readonly tls: Tls | undefined;
  readonly beforeSend: readonly BeforeSend[] | undefined;
  readonly redact: Redaction | undefined;
};

const REGIONS = { us: 'https://api.segment.io', eu: 'https://events.eu1.segmentapis.com' } as const;

/** Node's timers turn anything longer into 1 ms. */
const MAX_TIMER = 2 ** 31 - 1;

/** The setting's value where it is as it should be; otherwise throws. */
type Check<T> = (value: unknown, name: string) => T;

const CHECKS = {
  writeKey,
  host: text,
  region: oneOf(Object.keys(REGIONS) as (keyof typeof REGIONS)[]),
  path,
  oauth: anOAuthApp,
  batchSize: integer(1, MAX_BATCH_EVENTS),
  maxBatchSize: integer(1, MAX_BATCH_EVENTS),
  maxQueueSize: integer(1),
  maxQueueBytes: integer(128 * 1024),
  linger: integer(0, MAX_TIMER),
  maxRetries: integer(0),
  maxRetryDuration: integer(0),
  requestTimeout: integer(1, MAX_TIMER),
  flushTimeout: integer(0, MAX_TIMER),
  onError: aFunction,
  beforeSend: checkBeforeSend,
  redact: checkRedact,
  disable: flag,
  stub: flag,
  gzip: flag,
  allowInsecureHost: flag,
  proxy,
  tls,
  headers,
  flushOnExit: flag,
  flushOnSignals: signals,
} satisfies {
  [Name in keyof AnalyticsSettings]-?: Check<Name extends 'redact' ? Redaction : AnalyticsSettings[Name]>;
};

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(CHECKS);

/**
 * Checks what the caller passed and fills in the defaults.
 *
 * @throws {ValidationError} `invalid_setting`, for a missing write key, a value out of range or an unknown name.
 */
export function resolveSettings(given: AnalyticsSettings): Settings {
  try {
    return resolve(given);
  } catch (cause) {
    if (cause instanceof ValidationError) throw cause;
    // A getter of the caller's, or a Proxy.
    const error = new ValidationError('invalid_setting', 'The settings cannot be read');
    error.cause = cause;
    throw error;
  }
}

function resolve(given: AnalyticsSettings): Settings {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = "new Analytics() takes an object like { writeKey: 'KEY' }";
    // posthog-node and rudder-sdk-node have it there.
    const hint = typeof given === 'string' ? ': is it the write key?' : '';
    throw new ValidationError('invalid_setting', `${expected}; got ${conceal(given)}${hint}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(CHECKS, name)) continue;
    const hint = suggest(name, SETTINGS, OTHER_SETTINGS);
    throw new ValidationError('invalid_setting', `There is no setting ${show(name)}${hint}`);
  }
  function pick<Name extends keyof typeof CHECKS, D>(
    name: Name,
    fallback: D,
  ): ReturnType<(typeof CHECKS)[Name]> | D {
    const value = field(given, name);
    return value === undefined
      ? fallback
      : (CHECKS[name] as Check<ReturnType<(typeof CHECKS)[Name]>>)(value, name);
  }
  const allowInsecureHost = pick('allowInsecureHost', false);
  if (field(given, 'host') !== undefined && field(given, 'region') !== undefined) {
    throw new ValidationError(
      'invalid_setting',
      "Set 'host' or 'region', not both: each of them says where events go",
    );
  }
  const host = normalizeHost(pick('host', REGIONS[pick('region', 'us')]), allowInsecureHost);
  const url = host + pick('path', '/v1/batch');
  const disable = pick('disable', false);
  const stub = pick('stub', false);
  const proxySetting = pick<'proxy', ProxySetting | undefined>('proxy', undefined);
  const proxyTo = (to: string): string | undefined =>
    disable || stub ? undefined : proxyFor(to, proxySetting);
  const oauth = pick('oauth', undefined);
  const maxBatchSize = pick('maxBatchSize', pick('batchSize', MAX_BATCH_EVENTS));
  const batchSize = pick('batchSize', Math.min(100, maxBatchSize));
  if (maxBatchSize < batchSize) {
    const expected = `Setting 'maxBatchSize' must be at least 'batchSize', which is ${batchSize}`;
    throw new ValidationError('invalid_setting', expected, maxBatchSize);
  }
  return {
    writeKey: writeKey(field(given, 'writeKey')),
    url,
    oauth: oauth && resolveOAuth(oauth, host === REGIONS.eu ? 'eu' : 'us', allowInsecureHost, proxyTo),
    batchSize,
    maxBatchSize,
    maxQueueSize: pick('maxQueueSize', 10_000),
    maxQueueBytes: pick('maxQueueBytes', 64 * 1024 * 1024),
    linger: pick('linger', 0),
    maxRetries: pick('maxRetries', 10),
    maxRetryDuration: pick('maxRetryDuration', 43_200_000),
    requestTimeout: pick('requestTimeout', 10_000),
    flushTimeout: pick('flushTimeout', 5_000),
    onError: pick('onError', undefined),
    beforeSend: pick('beforeSend', undefined),
    redact: pick('redact', undefined),
    disable,
    stub,
    gzip: pick('gzip', false),
    allowInsecureHost,
    // Where nothing is sent, nothing that the environment says can be wrong.
    proxy: proxyTo(url),
    tls: pick('tls', undefined),
    headers: pick('headers', {}),
    flushOnExit: pick('flushOnExit', true),
    flushOnSignals: pick('flushOnSignals', []),
  };
}

/** Checks a time limit given at a call. */
export const checkTimeout = integer(0, MAX_TIMER);

/** What the worker needs to know of them. */
export function deliverySettings(settings: Settings): DeliverySettings {
  const { url, writeKey, oauth, proxy, tls, headers, redact, gzip, stub } = settings;
  const { batchSize, maxBatchSize, linger, maxRetries, maxRetryDuration, requestTimeout } = settings;
  const limits = { batchSize, maxBatchSize, linger, maxRetries, maxRetryDuration, requestTimeout };
  const way = { proxy, tls, headers };
  return { url, writeKey, oauth, userAgent: `offthread/${version}`, ...limits, ...way, redact, gzip, stub };
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a non-empty string`, value);
}

function writeKey(value: unknown): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  const expected = "Setting 'writeKey' must be the write key of your source, a non-empty string";
  throw new ValidationError('invalid_setting', `${expected}; got ${conceal(value)}`);
}

function path(value: unknown, name: string): string {
  if (typeof value === 'string' && /^\/[^\s?#]*$/.test(value)) return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a path like '/v1/batch'`, value);
}

function integer(min: number, max = Number.MAX_SAFE_INTEGER): Check<number> {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (value, name) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw new ValidationError('invalid_setting', `Setting '${name}' must be a whole number ${range}`, value);
  };
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be true or false`, value);
}

/** Its fields are looked at by `resolveOAuth`. */
function anOAuthApp(value: unknown, name: string): OAuth {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as OAuth;
  // What came instead may be the key.
  const expected = `Setting '${name}' must be an object like { clientId, clientKey, keyId }`;
  throw new ValidationError('invalid_setting', `${expected}; got ${conceal(value)}`);
}

function aFunction(value: unknown, name: string): (error: AnalyticsError) => unknown {
  if (typeof value === 'function') return value as (error: AnalyticsError) => unknown;
  throw new ValidationError('invalid_setting', `Setting '${name}' must be a function`, value);
}

function oneOf<T extends string>(values: readonly T[]): Check<T> {
  return (value, name) => {
    const found = values.find((each) => each === value);
    if (found !== undefined) return found;
    const expected = `Setting '${name}' must be one of ${values.map(show).join(', ')}`;
    throw new ValidationError('invalid_setting', expected, value);
  };
}

function signals(value: unknown, name: string): readonly NodeJS.Signals[] {
  const expected = `Setting '${name}' must be a list of signals like ['SIGTERM', 'SIGINT']`;
  if (!Array.isArray(value)) throw new ValidationError('invalid_setting', expected, value);
  for (const signal of value) {
    // Nobody can listen for these two.
    const known = typeof signal === 'string' && Object.hasOwn(constants.signals, signal);
    if (!known || signal === 'SIGKILL' || signal === 'SIGSTOP') {
      throw new ValidationError('invalid_setting', expected, signal);
    }
  }
  return [...new Set(value)];
}
