// Numbers of the Tracking API that both threads keep. In: nothing. Out: constants for batch.ts, the SDK's settings and
// its frame.ts.
// Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size

/** Bytes of UTF-8 one event may have as sent: 32 KB. One more and the API refuses it. */
export const MAX_EVENT_BYTES = 32 * 1024;

/** Says of an event that it has too many bytes. */
export function describeOversize(bytes: number | string): string {
  return `An event may have at most ${MAX_EVENT_BYTES} bytes as sent; this one has ${bytes}`;
}

/**
 * Bytes one request body may have before compression: 500 KB, read as the smaller of the two numbers
 * people mean by that, so that no gateway on the way counts differently.
 */
export const MAX_BODY_BYTES = 500_000;

/** Events one request may carry, whatever their size. */
export const MAX_BATCH_EVENTS = 2_500;

/** Characters a `messageId` may have. */
export const MAX_MESSAGE_ID_LENGTH = 100;

/** Bytes of a reply that are read before the request is given up: replies of the API are a few dozen. */
export const MAX_REPLY_BYTES = 64 * 1024;
