// Translates the settings of analytics-node. Used by analytics-node.ts.
import { ValidationError } from '../errors.js';
import { plainFields } from '../input/fields.js';
import type { AnalyticsSettings as NativeSettings } from '../settings/analytics-settings.js';
import { FetchHTTPClient, type HTTPClient, type HTTPFetchFn } from './http-client.js';

/** An OAuth app of your workspace. */
export interface OAuthSettings {
  readonly clientId: string;
  readonly clientKey: string;
  readonly keyId: string;
  readonly scope?: string | undefined;
  readonly authServer?: string | undefined;
  /** Ignored: `maxRetries` of the client applies. */
  readonly maxRetries?: number | undefined;
  /** Only the default. */
  readonly httpClient?: HTTPFetchFn | HTTPClient | undefined;
}

/** The settings of analytics-node 3, with its defaults. */
export interface AnalyticsSettings {
  readonly writeKey: string;
  /** An http(s) URL. Default: `'https://api.segment.io'`. */
  readonly host?: string | undefined;
  /** Default: `'/v1/batch'`. */
  readonly path?: string | undefined;
  /** Default: 10. */
  readonly maxRetries?: number | undefined;
  /** Number of events that are sent at once. Default: 15. */
  readonly flushAt?: number | undefined;
  /** @deprecated use `flushAt`. */
  readonly maxEventsInBatch?: number | undefined;
  /** Milliseconds after which fewer events are sent too. Default: 10,000. */
  readonly flushInterval?: number | undefined;
  /** Milliseconds. Default: 10,000. */
  readonly httpRequestTimeout?: number | undefined;
  /** Sends nothing. Default: false. */
  readonly disable?: boolean | undefined;
  /** Only the default, `fetch`. For proxies and certificates, use `native`. */
  readonly httpClient?: HTTPFetchFn | HTTPClient | undefined;
  readonly oauthSettings?: OAuthSettings | undefined;
  /** Seconds. Default: 43,200. The lower one of this and the next setting applies. */
  readonly maxTotalBackoffDuration?: number | undefined;
  /** Seconds. Default: 43,200. */
  readonly maxRateLimitDuration?: number | undefined;
  /** Settings of this package that analytics-node doesn't have, like `proxy`, `tls`, `spool` or `flushOnSignals`. */
  readonly native?: Partial<NativeSettings> | undefined;
}

const NAMES = [
  'writeKey',
  'host',
  'path',
  'maxRetries',
  'flushAt',
  'maxEventsInBatch',
  'flushInterval',
  'httpRequestTimeout',
  'disable',
  'httpClient',
  'oauthSettings',
  'maxTotalBackoffDuration',
  'maxRateLimitDuration',
  'native',
] as const satisfies readonly (keyof AnalyticsSettings)[];

/** Node.js treats longer timers as 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const HALF_DAY_S = 43_200;

export interface Translated {
  readonly native: NativeSettings;
  /** Where requests go. */
  readonly url: string;
  /** Default timeout of `closeAndFlush()` in milliseconds. */
  readonly closeTimeout: number;
}

/**
 * Unknown settings are ignored, as by analytics-node.
 *
 * @throws {ValidationError} `invalid_setting`
 */
export function translate(given: AnalyticsSettings): Translated {
  const settings = plainFields(Object(given) as AnalyticsSettings, NAMES);
  const { host = 'https://api.segment.io', flushInterval = 10_000, disable = false } = settings;
  const path = `/${(settings.path ?? '/v1/batch').replaceAll(/^\/+|\/+$/g, '')}`;
  const base = checkHost(host).replace(/\/+$/, '');
  checkClient('httpClient', settings.httpClient);
  const { maxTotalBackoffDuration = HALF_DAY_S, maxRateLimitDuration = HALF_DAY_S } = settings;
  const batchSize = settings.flushAt ?? settings.maxEventsInBatch ?? 15;
  const { oauthSettings: oauth } = settings;
  const native: NativeSettings = {
    writeKey: settings.writeKey,
    // Plain `http:` is allowed there.
    ...(settings.host === undefined ? {} : { host: base, allowInsecureHost: base.startsWith('http:') }),
    path,
    // A backlog is sent in larger requests, unless a limit was set.
    batchSize,
    ...(settings.flushAt === undefined && settings.maxEventsInBatch === undefined
      ? { maxBatchSize: 2_500 }
      : {}),
    linger: timer(flushInterval),
    maxRetries: settings.maxRetries ?? 10,
    maxRetryDuration: Math.round(Math.min(maxTotalBackoffDuration, maxRateLimitDuration) * 1_000),
    requestTimeout: Math.max(1, timer(settings.httpRequestTimeout ?? 10_000)),
    disable,
    ...(oauth === undefined ? {} : { oauth: oauthOf(oauth) }),
    ...settings.native,
  };
  return { native, url: base + path, closeTimeout: timer(Math.max(60_000, flushInterval) * 1.25) };
}

/** Milliseconds that a timer can have. */
export function timer(ms: number): number {
  return Math.min(Math.round(ms), MAX_TIMER_MS);
}

/** Unlike `host` of this package, it needs the protocol. */
function checkHost(host: string): string {
  if (/^https?:\/\//i.test(host) && URL.canParse(host)) return host;
  const expected = "Setting 'host' must be an http(s) URL like 'https://api.segment.io'";
  throw new ValidationError('invalid_setting', expected, host);
}

function checkClient(name: string, client: unknown): void {
  if (FetchHTTPClient.isDefault(client)) return;
  const advice = "requests are made by the worker thread; use 'proxy', 'tls' and 'headers' of 'native'";
  throw new ValidationError('invalid_setting', `Setting '${name}' can't be a client of your own: ${advice}`);
}

function oauthOf(given: OAuthSettings): NonNullable<NativeSettings['oauth']> {
  const { httpClient, maxRetries: _, ...oauth } = given;
  checkClient('oauthSettings.httpClient', httpClient);
  return oauth;
}
