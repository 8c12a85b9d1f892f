// The names of settings and fields in analytics-ruby, analytics-node, posthog-node and rudder-sdk-node, with advice for
// the error message. Used by suggest.ts.

/** The name that Offthread uses, if there is one, and the end of the message. */
interface Answer {
  readonly name?: string;
  readonly more: string;
}

const here = (name: string, more = ''): Answer => ({ name, more: `; use '${name}' instead${more}` });
const none = (more: string): Answer => ({ more: `; ${more}` });

const OPPOSITE = ', with the opposite value';
const FUNCTION = none("a function cannot be passed to the worker thread; use 'proxy', 'tls' and 'headers'");
const QUIET = none("nothing is written to the console; use 'onError'");
const PAUSES = none('the pause between retries cannot be set');
const FLAGS = none('feature flags are not supported');

const SETTINGS = {
  apikey: here('writeKey'),
  axiosconfig: FUNCTION,
  axiosinstance: FUNCTION,
  axiosretryconfig: PAUSES,
  backoffpolicy: PAUSES,
  dataplaneurl: here('host'),
  debug: QUIET,
  defaultoptin: here('disable', OPPOSITE),
  disablecompression: here('gzip', OPPOSITE),
  disabled: here('disable'),
  enable: here('disable', OPPOSITE),
  enablelocalevaluation: FLAGS,
  errorhandler: here('onError'),
  featureflagspollinginterval: FLAGS,
  featureflagsrequesttimeoutms: FLAGS,
  fetch: FUNCTION,
  fetchretrycount: here('maxRetries'),
  fetchretrydelay: PAUSES,
  flushat: here('batchSize'),
  flushinterval: here('linger'),
  httpclient: FUNCTION,
  httprequesttimeout: here('requestTimeout'),
  logger: QUIET,
  loglevel: QUIET,
  maxeventsinbatch: here('batchSize'),
  maxinternalqueuesize: here('maxQueueSize'),
  maxratelimitduration: here('maxRetryDuration', ', in milliseconds'),
  maxtotalbackoffduration: here('maxRetryDuration', ', in milliseconds'),
  oauthsettings: here('oauth'),
  personalapikey: FLAGS,
  plugins: here('beforeSend'),
  port: none("set it as part of 'host'"),
  preloadfeatureflags: FLAGS,
  retries: here('maxRetries', ', which does not count the first request'),
  retrycount: here('maxRetries'),
  sendfeatureflagevent: FLAGS,
  ssl: none("use 'https:' or 'http:' in 'host'"),
  test: none('use createTestAnalytics() of @offthread/sdk/testing'),
  timeout: here('requestTimeout'),
} satisfies Readonly<Record<string, Answer>>;

const FIELDS = {
  alias: here('previousId'),
  distinctid: here('userId'),
  groupkey: here('groupId'),
  groups: none("use 'groupId' in context instead"),
  grouptype: none('groups have no type'),
  properties: here('traits'),
  sendfeatureflags: FLAGS,
  type: none('it is set by the method'),
  uuid: here('messageId'),
} satisfies Readonly<Record<string, Answer>>;

export type OtherNames = ReadonlyMap<string, Answer>;

/** By `keyOf` the name. */
export const OTHER_SETTINGS: OtherNames = new Map(Object.entries(SETTINGS));
export const OTHER_FIELDS: OtherNames = new Map(Object.entries(FIELDS));

/** Normalizes a name: `flushAt`, `flush_at` and `FLUSH-AT` have the same key. */
export function keyOf(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}
