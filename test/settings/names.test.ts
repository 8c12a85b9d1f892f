// The names that settings and fields have in analytics-ruby, analytics-node, posthog-node and rudder-sdk-node: each is
// answered with its name here, or with why there is none, and never with a word that only looks alike.
import { describe, expect, test } from 'vitest';
import { refusedWith } from '../helpers/settings.js';
import { call, construct, refusal } from '../helpers/untyped.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

const RETRIES = "; it is 'maxRetries' here, which does not count the first request";
const FUNCTION = "; a function cannot go to the worker thread: see 'proxy', 'tls' and 'headers'";
const QUIET = "; nothing is written to the console: 'onError' is told what goes wrong";
const PAUSES = '; the pauses between retries are not a setting';
const FLAGS = '; there are no feature flags here';

describe('a setting of', () => {
  const settings: [library: string, name: string, answer: string][] = [
    ['analytics-ruby', 'write_key', "; did you mean 'writeKey'?"],
    ['analytics-ruby', 'max_queue_size', "; did you mean 'maxQueueSize'?"],
    ['analytics-ruby', 'batch_size', "; did you mean 'batchSize'?"],
    ['analytics-ruby', 'on_error', "; did you mean 'onError'?"],
    ['analytics-ruby', 'retries', RETRIES],
    ['analytics-ruby', 'backoff_policy', PAUSES],
    ['analytics-ruby', 'logger', QUIET],
    ['analytics-ruby', 'test', '; see createTestAnalytics() of @offthread/sdk/testing'],
    ['analytics-ruby', 'ssl', "; 'host' says so, as 'https:' or 'http:'"],
    ['analytics-ruby', 'port', "; it is part of 'host' here"],
    ['analytics-node', 'flushAt', "; it is 'batchSize' here"],
    ['analytics-node', 'maxEventsInBatch', "; it is 'batchSize' here"],
    ['analytics-node', 'flushInterval', "; it is 'linger' here"],
    ['analytics-node', 'httpRequestTimeout', "; it is 'requestTimeout' here"],
    ['analytics-node', 'maxTotalBackoffDuration', "; it is 'maxRetryDuration' here, in milliseconds"],
    ['analytics-node', 'maxRateLimitDuration', "; it is 'maxRetryDuration' here, in milliseconds"],
    ['analytics-node', 'oauthSettings', "; it is 'oauth' here"],
    ['analytics-node', 'httpClient', FUNCTION],
    ['posthog-node', 'apiKey', "; it is 'writeKey' here"],
    ['posthog-node', 'disabled', "; it is 'disable' here"],
    ['posthog-node', 'defaultOptIn', "; it is 'disable' here, with the opposite value"],
    ['posthog-node', 'fetchRetryCount', "; it is 'maxRetries' here"],
    ['posthog-node', 'fetchRetryDelay', PAUSES],
    ['posthog-node', 'disableCompression', "; it is 'gzip' here, with the opposite value"],
    ['posthog-node', 'before_send', "; did you mean 'beforeSend'?"],
    ['posthog-node', 'fetch', FUNCTION],
    ['posthog-node', 'personalApiKey', FLAGS],
    ['posthog-node', 'featureFlagsPollingInterval', FLAGS],
    ['posthog-node', 'sendFeatureFlagEvent', FLAGS],
    ['posthog-node', 'enableLocalEvaluation', FLAGS],
    ['posthog-node', 'debug', QUIET],
    ['rudder-sdk-node', 'dataPlaneUrl', "; it is 'host' here"],
    ['rudder-sdk-node', 'maxInternalQueueSize', "; it is 'maxQueueSize' here"],
    ['rudder-sdk-node', 'enable', "; it is 'disable' here, with the opposite value"],
    ['rudder-sdk-node', 'errorHandler', "; it is 'onError' here"],
    ['rudder-sdk-node', 'retryCount', "; it is 'maxRetries' here"],
    ['rudder-sdk-node', 'timeout', "; it is 'requestTimeout' here"],
    ['rudder-sdk-node', 'logLevel', QUIET],
    ['rudder-sdk-node', 'axiosConfig', FUNCTION],
    ['rudder-sdk-node', 'axiosInstance', FUNCTION],
    ['rudder-sdk-node', 'axiosRetryConfig', PAUSES],
  ];

  test.each(settings)('%s: %s', (_, name, answer) => {
    expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'${answer}`);
  });

  test('another style is the same name', () => {
    for (const name of ['flush_at', 'FLUSH_AT', 'flushat', 'flush-at']) {
      expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'; it is 'batchSize' here`);
    }
  });

  test('the write key as the argument', () => {
    for (const given of [['wk_5up3rS3cret'], ['wk_5up3rS3cret', { flushAt: 1 }]]) {
      expect(refusal(() => construct(...given)).message).toBe(
        "new Analytics() takes an object like { writeKey: 'KEY' }; got a string: is it the write key?",
      );
    }
  });
});

describe('a field of', () => {
  const fields: [library: string, type: string, name: string, answer: string][] = [
    ['analytics-ruby', 'track', 'user_id', "; did you mean 'userId'?"],
    ['analytics-ruby', 'track', 'anonymous_id', "; did you mean 'anonymousId'?"],
    ['analytics-ruby', 'track', 'message_id', "; did you mean 'messageId'?"],
    ['analytics-ruby', 'group', 'group_id', "; did you mean 'groupId'?"],
    ['analytics-ruby', 'alias', 'previous_id', "; did you mean 'previousId'?"],
    ['posthog-node', 'track', 'distinctId', "; it is 'userId' here"],
    ['posthog-node', 'alias', 'distinctId', "; it is 'userId' here"],
    ['posthog-node', 'track', 'distinct_id', "; it is 'userId' here"],
    ['posthog-node', 'identify', 'properties', "; it is 'traits' here"],
    ['posthog-node', 'group', 'properties', "; it is 'traits' here"],
    ['posthog-node', 'group', 'groupKey', "; it is 'groupId' here"],
    ['posthog-node', 'group', 'groupType', '; a group has no type here'],
    ['posthog-node', 'track', 'groups', "; it is 'groupId' of context here"],
    ['posthog-node', 'alias', 'alias', "; it is 'previousId' here"],
    ['posthog-node', 'track', 'uuid', "; it is 'messageId' here"],
    ['posthog-node', 'track', 'sendFeatureFlags', FLAGS],
    ['analytics-node', 'track', 'type', '; the method says it'],
  ];

  test.each(fields)('%s: %s, %s', (_, type, name, answer) => {
    const analytics = bench.open();
    const { message } = refusal(() => call(analytics, type, { userId: 'u', [name]: 'x' }));
    expect(message).toBe(`${type}() has no field '${name}'${answer}`);
  });

  test('a scope', () => {
    const analytics = bench.open();
    const act = () => call(analytics, 'withContext', { distinctId: 'u' }, () => undefined);
    expect(refusal(act).message).toBe("withContext() has no field 'distinctId'; it is 'userId' here");
  });

  test('is not answered with one that the method does not have', () => {
    const analytics = bench.open();
    const { message } = refusal(() => call(analytics, 'track', { userId: 'u', groupKey: 'x' }));
    expect(message).toBe("track() has no field 'groupKey'; fields of your own go into properties");
  });
});

test('a name that only sounds like one from Object.prototype is answered with nothing', () => {
  for (const name of ['constructor', 'toString', 'has_own_property']) {
    expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'`);
  }
});
