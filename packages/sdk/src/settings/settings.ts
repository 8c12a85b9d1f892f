// Checks the settings of a client and fills in the defaults. Used by analytics.ts.

import { MAX_BATCH_EVENTS } from '@offthread/worker/limits';
import type { DeliverySettings, Redaction, Tls } from '@offthread/worker/protocol';
import { conceal, show, ValidationError } from '../errors.js';
import { type BeforeSend, checkBeforeSend } from '../event/before-send.js';
import { field } from '../input/fields.js';
import { OTHER_SETTINGS } from '../input/other-names.js';
import { suggest } from '../input/suggest.js';
import { version } from '../version.js';
import { normalizeHost } from './address.js';
import { type AnalyticsSettings, SETTINGS, type SettingName } from './analytics-settings.js';
import {
  aFunction,
  anOAuthApp,
  type Check,
  flag,
  flagOrStore,
  integer,
  MAX_TIMER,
  oneOf,
  path,
  signals,
  text,
  writeKey,
} from './checks.js';
import { headers } from './headers.js';
import { resolveOAuth } from './oauth.js';
import { type ProxySetting, proxy, proxyFor } from './proxy.js';
import { checkRedact } from './redact.js';
import { checkSpool, type Spool } from './spool.js';
import { tls } from './tls.js';

export { type AnalyticsSettings, SETTINGS } from './analytics-settings.js';

/** Settings with all defaults filled in. */
export type Settings = {
  readonly [Name in Exclude<
    keyof AnalyticsSettings,
    'host' | 'region' | 'path' | 'oauth' | 'onError' | 'beforeSend' | 'redact' | 'proxy' | 'tls' | 'spool'
  >]-?: NonNullable<AnalyticsSettings[Name]>;
} & {
  /** URL to which batches are posted. */
  readonly url: string;
  readonly oauth: DeliverySettings['oauth'];
  readonly onError: AnalyticsSettings['onError'];
  /** URL of the proxy for `url`, if there is one. */
  readonly proxy: string | undefined;
  readonly tls: Tls | undefined;
  readonly beforeSend: readonly BeforeSend[] | undefined;
  readonly redact: Redaction | undefined;
  readonly spool: Spool | undefined;
};

const REGIONS = { us: 'https://api.segment.io', eu: 'https://events.eu1.segmentapis.com' } as const;

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
  spool: checkSpool,
  flushOnExit: flagOrStore,
  flushOnSignals: signals,
} satisfies Record<SettingName, unknown> satisfies {
  [Name in keyof AnalyticsSettings]-?: Check<
    Name extends 'redact' ? Redaction : Name extends 'spool' ? Spool : AnalyticsSettings[Name]
  >;
};

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {ValidationError} `invalid_setting`, if the write key is missing, a value is out of range or a name is
 * unknown.
 */
export function resolveSettings(given: AnalyticsSettings): Settings {
  try {
    return resolve(given);
  } catch (cause) {
    if (cause instanceof ValidationError) throw cause;
    // Thrown by a getter of the caller's object, or by a Proxy.
    const error = new ValidationError(
      'invalid_setting',
      'The settings cannot be read: reading one of them threw an error',
    );
    error.cause = cause;
    throw error;
  }
}

function resolve(given: AnalyticsSettings): Settings {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const expected = "new Analytics() takes an object like { writeKey: 'KEY' }";
    // posthog-node and rudder-sdk-node take the write key as the first argument.
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
  const spool = pick('spool', undefined);
  const redact = pick('redact', undefined);
  if (spool?.strict && redact !== undefined) {
    const message =
      "Setting 'spool.strict' can't be combined with 'redact': events are on the disk before the worker thread could redact them. Use 'beforeSend'";
    throw new ValidationError('invalid_setting', message);
  }
  const flushOnExit = pick('flushOnExit', true);
  if (flushOnExit === 'store' && spool === undefined) {
    throw new ValidationError('invalid_setting', "Setting 'flushOnExit' can be 'store' only with a 'spool'");
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
    redact,
    disable,
    stub,
    gzip: pick('gzip', false),
    allowInsecureHost,
    // If nothing is sent, proxy variables of the environment aren't read, and so can't be invalid.
    proxy: proxyTo(url),
    tls: pick('tls', undefined),
    headers: pick('headers', {}),
    spool,
    flushOnExit,
    flushOnSignals: pick('flushOnSignals', []),
  };
}

/** Returns the settings that the worker needs. */
export function deliverySettings(settings: Settings): DeliverySettings {
  const { url, writeKey, oauth, proxy, tls, headers, redact, gzip, stub } = settings;
  const { batchSize, maxBatchSize, linger, maxRetries, maxRetryDuration, requestTimeout } = settings;
  const limits = { batchSize, maxBatchSize, linger, maxRetries, maxRetryDuration, requestTimeout };
  const way = { proxy, tls, headers };
  return { url, writeKey, oauth, userAgent: `offthread/${version}`, ...limits, ...way, redact, gzip, stub };
}
