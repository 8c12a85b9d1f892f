// The error for a setting or field named as in analytics-ruby, analytics-node, posthog-node or rudder-sdk-node says its
// name here, or why there is none, and never suggests an unrelated name.
import { createTestAnalytics } from '@offthread/sdk/testing';
import { describe, expect, test } from 'vitest';
import { refusedWith } from '../helpers/settings.js';
import { call, construct, refusal } from '../helpers/untyped.js';

const RETRIES = "; use 'maxRetries' instead, which does not count the first request";
const FUNCTION = "; a function cannot be passed to the worker thread; use 'proxy', 'tls' and 'headers'";
const QUIET = "; nothing is written to the console; use 'onError'";
const PAUSES = '; the pause between retries cannot be set';
const FLAGS = '; feature flags are not supported';

describe('a setting of', () => {
  const settings: [library: string, name: string, answer: string][] = [
    ['analytics-ruby', 'write_key', "; did you mean 'writeKey'?"],
    ['analytics-ruby', 'max_queue_size', "; did you mean 'maxQueueSize'?"],
    ['analytics-ruby', 'batch_size', "; did you mean 'batchSize'?"],
    ['analytics-ruby', 'on_error', "; did you mean 'onError'?"],
    ['analytics-ruby', 'retries', RETRIES],
    ['analytics-ruby', 'backoff_policy', PAUSES],
    ['analytics-ruby', 'logger', QUIET],
    ['analytics-ruby', 'test', '; use createTestAnalytics() of @offthread/sdk/testing'],
    ['analytics-ruby', 'ssl', "; use 'https:' or 'http:' in 'host'"],
    ['analytics-ruby', 'port', "; set it as part of 'host'"],
    ['analytics-node', 'flushAt', "; use 'batchSize' instead"],
    ['analytics-node', 'maxEventsInBatch', "; use 'batchSize' instead"],
    ['analytics-node', 'flushInterval', "; use 'linger' instead"],
    ['analytics-node', 'httpRequestTimeout', "; use 'requestTimeout' instead"],
    ['analytics-node', 'maxTotalBackoffDuration', "; use 'maxRetryDuration' instead, in milliseconds"],
    ['analytics-node', 'maxRateLimitDuration', "; use 'maxRetryDuration' instead, in milliseconds"],
    ['analytics-node', 'oauthSettings', "; use 'oauth' instead"],
    ['analytics-node', 'plugins', "; use 'beforeSend' instead"],
    ['analytics-node', 'httpClient', FUNCTION],
    ['posthog-node', 'apiKey', "; use 'writeKey' instead"],
    ['posthog-node', 'disabled', "; use 'disable' instead"],
    ['posthog-node', 'defaultOptIn', "; use 'disable' instead, with the opposite value"],
    ['posthog-node', 'fetchRetryCount', "; use 'maxRetries' instead"],
    ['posthog-node', 'fetchRetryDelay', PAUSES],
    ['posthog-node', 'disableCompression', "; use 'gzip' instead, with the opposite value"],
    ['posthog-node', 'before_send', "; did you mean 'beforeSend'?"],
    ['posthog-node', 'fetch', FUNCTION],
    ['posthog-node', 'personalApiKey', FLAGS],
    ['posthog-node', 'featureFlagsPollingInterval', FLAGS],
    ['posthog-node', 'sendFeatureFlagEvent', FLAGS],
    ['posthog-node', 'enableLocalEvaluation', FLAGS],
    ['posthog-node', 'debug', QUIET],
    ['rudder-sdk-node', 'dataPlaneUrl', "; use 'host' instead"],
    ['rudder-sdk-node', 'maxInternalQueueSize', "; use 'maxQueueSize' instead"],
    ['rudder-sdk-node', 'enable', "; use 'disable' instead, with the opposite value"],
    ['rudder-sdk-node', 'errorHandler', "; use 'onError' instead"],
    ['rudder-sdk-node', 'retryCount', "; use 'maxRetries' instead"],
    ['rudder-sdk-node', 'timeout', "; use 'requestTimeout' instead"],
    ['rudder-sdk-node', 'logLevel', QUIET],
    ['rudder-sdk-node', 'axiosConfig', FUNCTION],
    ['rudder-sdk-node', 'axiosInstance', FUNCTION],
    ['rudder-sdk-node', 'axiosRetryConfig', PAUSES],
  ];

  test.each(settings)('%s: %s', (_, name, answer) => {
    expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'${answer}`);
  });

  test('in another style are treated the same', () => {
    for (const name of ['flush_at', 'FLUSH_AT', 'flushat', 'flush-at']) {
      expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'; use 'batchSize' instead`);
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
    ['posthog-node', 'track', 'distinctId', "; use 'userId' instead"],
    ['posthog-node', 'alias', 'distinctId', "; use 'userId' instead"],
    ['posthog-node', 'track', 'distinct_id', "; use 'userId' instead"],
    ['posthog-node', 'identify', 'properties', "; use 'traits' instead"],
    ['posthog-node', 'group', 'properties', "; use 'traits' instead"],
    ['posthog-node', 'group', 'groupKey', "; use 'groupId' instead"],
    ['posthog-node', 'group', 'groupType', '; groups have no type'],
    ['posthog-node', 'track', 'groups', "; use 'groupId' in context instead"],
    ['posthog-node', 'alias', 'alias', "; use 'previousId' instead"],
    ['posthog-node', 'track', 'uuid', "; use 'messageId' instead"],
    ['posthog-node', 'track', 'sendFeatureFlags', FLAGS],
    ['analytics-node', 'track', 'type', '; it is set by the method'],
  ];

  test.each(fields)('%s: %s, %s', (_, type, name, answer) => {
    const analytics = createTestAnalytics();
    const { message } = refusal(() => call(analytics, type, { userId: 'u', [name]: 'x' }));
    expect(message).toBe(`${type}() has no field '${name}'${answer}`);
  });

  test('a scope', () => {
    const analytics = createTestAnalytics();
    const act = () => call(analytics, 'withContext', { distinctId: 'u' }, () => undefined);
    expect(refusal(act).message).toBe("withContext() has no field 'distinctId'; use 'userId' instead");
  });

  test('that is a field of the method in another style is answered with that field', () => {
    const { message } = refusal(() => call(createTestAnalytics(), 'track', { userId: 'u', Properties: {} }));
    expect(message).toBe("track() has no field 'Properties'; did you mean 'properties'?");
  });

  test('that is three typing errors away from a field is not answered with it', () => {
    const { message } = refusal(() => call(createTestAnalytics(), 'track', { userId: 'u', abrId: 'x' }));
    expect(message).toBe("track() has no field 'abrId'; fields of your own go into properties");
  });

  test('is not answered with a name that the method does not have', () => {
    const analytics = createTestAnalytics();
    const { message } = refusal(() => call(analytics, 'track', { userId: 'u', groupKey: 'x' }));
    expect(message).toBe("track() has no field 'groupKey'; fields of your own go into properties");
  });
});

test('an unknown name that resembles one of Object.prototype gets no suggestion', () => {
  for (const name of ['constructor', 'toString', 'has_own_property']) {
    expect(refusedWith({ [name]: 1 })).toBe(`There is no setting '${name}'`);
  }
});
