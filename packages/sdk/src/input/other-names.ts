// What settings and fields are called in analytics-ruby, analytics-node, posthog-node and rudder-sdk-node -> what to say of
// them. Used by suggest.ts.

/** The name here, where there is one, and what follows it in the message. */
interface Answer {
  readonly name?: string;
  readonly more: string;
}

const here = (name: string, more = ''): Answer => ({ name, more: `; it is '${name}' here${more}` });
const none = (more: string): Answer => ({ more: `; ${more}` });

const OPPOSITE = ', with the opposite value';
const FUNCTION = none("a function cannot go to the worker thread: see 'proxy', 'tls' and 'headers'");
const QUIET = none("nothing is written to the console: 'onError' is told what goes wrong");
const PAUSES = none('the pauses between retries are not a setting');
const FLAGS = none('there are no feature flags here');

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
  port: none("it is part of 'host' here"),
  preloadfeatureflags: FLAGS,
  retries: here('maxRetries', ', which does not count the first request'),
  retrycount: here('maxRetries'),
  sendfeatureflagevent: FLAGS,
  ssl: none("'host' says so, as 'https:' or 'http:'"),
  test: none('see createTestAnalytics() of @offthread/sdk/testing'),
  timeout: here('requestTimeout'),
} satisfies Readonly<Record<string, Answer>>;

const FIELDS = {
  alias: here('previousId'),
  distinctid: here('userId'),
  groupkey: here('groupId'),
  groups: none("it is 'groupId' of context here"),
  grouptype: none('a group has no type here'),
  properties: here('traits'),
  sendfeatureflags: FLAGS,
  type: none('the method says it'),
  uuid: here('messageId'),
} satisfies Readonly<Record<string, Answer>>;

export type OtherNames = ReadonlyMap<string, Answer>;

/** Under their keys. */
export const OTHER_SETTINGS: OtherNames = new Map(Object.entries(SETTINGS));
export const OTHER_FIELDS: OtherNames = new Map(Object.entries(FIELDS));

/** What a name is in every style: `flushAt`, `flush_at` and `FLUSH-AT` are one. */
export function keyOf(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}
