// What the public test suite of @segment/analytics-node 3.1.0 asserts, one sentence for each of its tests, except those
// in `lib/__tests__`, which call internal functions. behaviours.test.ts counts them.

/** Behaviours that the drop-in has, by the title of the test that shows them. */
export const HELD: Readonly<Record<string, readonly string[]>> = {
  // Settings and arguments
  'a missing write key throws': [
    'the constructor throws without a write key',
    'settings are refused without a write key',
  ],
  'path %s is requested as %s, below a host with a slash and one without': [
    'host and path replace those of Segment',
  ],
  'a host without a protocol throws': ['a host that is no URL throws'],
  'the version is a string': ['VERSION is the version'],
  'ready resolves with nothing': ['ready resolves with nothing'],
  'an event without ids throws': [
    'an event whose ids are both undefined throws, and the message names userId',
  ],
  'an event without anything throws': ['an empty event throws at the call'],

  // Callbacks, disable, and what is emitted
  'get the context of a delivered event': ['a callback gets the context of a delivered event'],
  'get an error with status and text, and the context, of an event that failed': [
    'a callback gets error and context of an event that failed',
  ],
  'no request is emitted or made, and callbacks are called': [
    'disable: true emits no http_request',
    'disable: true makes no request',
  ],
  'false sends': ['disable: false makes a request'],
  'is emitted for a request that succeeds': [
    'http_request is emitted for a request that succeeds',
    'http_request has url, method, headers and body',
  ],
  'is emitted for a request that fails': ['http_request is emitted for a request that fails'],
  'is emitted for each retry': ['http_request is emitted for each retry'],
  'is emitted with code, reason and context': [
    'error is emitted with the code delivery_failure and the reason',
  ],

  // drained, closeAndFlush() and flush()
  'is emitted when one event is done': ['drained is emitted after one event'],
  'is emitted once for several events': ['drained is emitted once for several events'],
  'all callbacks are called before closeAndFlush() resolves, and none during the call': [
    'callbacks are called before closeAndFlush() resolves',
  ],
  'closeAndFlush() waits for the promises of callbacks': ['closeAndFlush() waits for asynchronous callbacks'],
  'waits with flushInterval %s for up to %i ms': [
    'closeAndFlush() waits for 75 s by default',
    'closeAndFlush() waits for 1.25 times a long flushInterval',
  ],
  'resolves after the timeout if a plugin takes longer': ['closeAndFlush() resolves after its timeout'],
  'accepts no further events, and delivers the earlier ones': [
    'closeAndFlush() delivers earlier events and accepts no later ones',
  ],
  'emits the events that come later': ['later events are emitted as call_after_close'],
  'delivers events that a plugin still has, and emits drained once': [
    'closeAndFlush() delivers what plugins still have, and emits each event, and drained once',
  ],
  'resolves without a wait, and emits nothing, if no event is pending': [
    'closeAndFlush() resolves at once if nothing is pending',
    'closeAndFlush() emits no drained if nothing is pending',
  ],
  'sends at once, without waiting for flushInterval': [
    'closeAndFlush() sends a batch that is not full at once',
  ],
  'sends once when a plugin has passed on all events': [
    'closeAndFlush() waits for plugins and then sends one batch',
  ],
  'can be called again and again': ['flush() can be called several times'],
  'leaves an event that comes after it has drained to the next flush': [
    'flush() leaves an event that comes later to the next one',
  ],
  'ignores a call during another one, with a warning, and also waits for what comes meanwhile': [
    'a flush() during another one is ignored, with a warning',
  ],
  'does not warn when calls follow each other, nor emit drained if nothing was pending': [
    'there is one warning for each overlap, and none without',
  ],

  // Events: each is compared without the library, `_metadata` and the write key, which DIFFERENT has
  'has timestamp, ids and integrations as given': [
    'a request has timestamp, userId and integrations as given',
  ],
  'of %s(%o) has the body of analytics-node': [
    'the body of identify',
    'the body of track',
    'the body of page',
    'the body of group',
    'the body of alias',
    'the body of screen',
    'the body has sentAt',
    'an alias becomes a batch of one',
    'a group becomes a batch of one',
    'an identify becomes a batch of one',
    'a page becomes a batch of one',
    'a screen becomes a batch of one',
    'a track becomes a batch of one',
  ],
  'of %s(%o) has the event': [
    'the context of an alias',
    'the context of a group',
    'the context of an identify',
    'the context of a page, with and without a name',
    'the context of a screen, with and without a name',
    'the context of a track, with and without properties',
  ],
  'of %s() has the messageId of the call': [
    'alias() takes a messageId',
    'group() takes a messageId',
    'page() takes a messageId',
    'screen() takes a messageId',
    'track() takes a messageId',
  ],
  'has nothing of another call': ['a call of group() has nothing of an earlier one'],
  'with an httpRequestTimeout of 0 fails at once': ['an httpRequestTimeout of 0 fails the request'],

  // Plugins
  'are loaded once by register()': ['register() loads a plugin once'],
  'are unloaded by deregister(), by name, and see no more events': [
    'deregister() unloads a plugin by its name',
  ],

  // OAuth
  'an event is sent with a token': ['an event is delivered with OAuth'],
  'a token server that answers 425 is asked again': ['a token request that fails is repeated'],
  'the pause that a 429 of the token server asks for is respected, each time': [
    'Retry-After of the token server is respected',
  ],
  'an event fails when the token server keeps failing': ['an event fails if the token server keeps failing'],
  'an event fails at once when the token server refuses': [
    'an event fails at once if the token server refuses',
  ],
  'an event that the API refuses fails, with a token that is valid': [
    'an event that the API refuses fails, also with OAuth',
  ],
  'a 511 of the API is retried with a new token': ['with OAuth, a 511 is retried with a new token'],

  // Batches
  'hold events of several types': ['a batch holds events of several types'],
  'that are full are sent at once': ['a full batch is sent at once, and the rest after flushInterval'],
  'stay below the limit of the API in bytes': ['a batch is sent before it exceeds the limit in bytes'],
  'of at most %i events are sent at once by a flush of %i events, as %o': [
    'a flush sends when the last pending event has come, below flushAt',
    'a flush with flushAt 1 sends each event',
    'a flush of more than flushAt events sends a full batch, and then the rest',
    'a flush counts events that came before it',
    'a flush counts events that came before it, also if there are more than flushAt',
  ],

  // Attempts
  'an event of more than 32 KB is not sent': ['an event that is too large fails and is not sent'],
  'a request that succeeds has no X-Retry-Count': ['a first request has no X-Retry-Count'],
  '%i is not retried': [
    '400 is not retried, and fails with status and text',
    '501 is not retried',
    '505 is not retried',
    '511 is not retried without OAuth',
    '413 is not retried',
    '404 is not retried',
    'a 400 has no X-Retry-Count',
    '401 is not retried',
    '403 is not retried',
  ],
  '%i is retried, with a count': [
    '500 is retried, with X-Retry-Count',
    '429 without Retry-After is retried',
    '408 without Retry-After is retried',
    '410 is retried',
    '460 is retried',
  ],
  'several faults in a row are counted, of whatever kind': ['X-Retry-Count goes on after a different fault'],
  'a broken connection is retried': ['a fault of the network is retried', 'a fault of the network backs off'],
  'there are no more than maxRetries, and one without them': [
    'an event fails after maxRetries',
    'maxRetries: 0 makes one request',
    'maxRetries also ends backoff',
  ],
  'Retry-After of a 429 is respected, and does not count as a retry': [
    'a batch waits until a 429 with Retry-After has been retried',
    'a 429 with Retry-After does not use up maxRetries',
    'a 429 with Retry-After counts in X-Retry-Count',
  ],
  'of %j seconds is kept within its limits': ['Retry-After is limited to 300 s'],
  'Retry-After of a 408 is ignored': ['Retry-After of a 408 is ignored'],
  'has the write key, the content type and the name of the library in its headers': [
    'without OAuth, Authorization is Basic',
  ],
  'no other event is sent during the pause that a 429 asks for': [
    'no other batch is sent during the pause of a 429',
  ],
  'they end after maxTotalBackoffDuration seconds': ['a batch fails after maxTotalBackoffDuration'],
  'they end after maxRateLimitDuration seconds': ['a batch fails after maxRateLimitDuration'],
};

/** Behaviours that the drop-in does not have, by the beginning of the row that says so in the migration guide. */
export const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  'httpClient, and that of oauthSettings': [
    'httpClient may be an HTTP client of your own',
    'httpClient may be a function like fetch',
    'OAuth uses the httpClient of the client',
  ],
  'The library in context.library': ['User-Agent is that of analytics-node'],
  'An event has _metadata': ['an event has _metadata'],
  'register() lets a plugin see': [
    'a plugin sees events that were tracked before register(), in the same turn',
  ],
  'The first events of a client wait': ['the first event of a client waits for flushInterval'],
  'Segment.io is itself a plugin': ['a plugin named Segment.io is loaded'],
  'An invalid clientKey': ['an invalid clientKey fails at the first event'],
  'Retry-After is ignored unless': ['Retry-After of a 503 is ignored'],
  'A 429 with Retry-After is repeated': ['a 429 with Retry-After is given up after a number of times'],
  'An answer with a status below 200': ['a status below 200 is retried'],
};
