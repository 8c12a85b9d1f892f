// Limits of the Tracking API that both threads enforce.
// Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/#max-request-size

/** Maximum bytes of one event as sent, in UTF-8: 32 KB. The API refuses larger events. */
export const MAX_EVENT_BYTES = 32 * 1024;

/** The error message for an event that is too large. */
export function describeOversize(bytes: number | string): string {
  return `An event may have at most ${MAX_EVENT_BYTES} bytes as sent; this one has ${bytes}`;
}

/**
 * Maximum bytes of one request body before compression. 500 KB is read as 500,000 bytes, not 512,000, so that no
 * gateway counts it as too large.
 */
export const MAX_BODY_BYTES = 500_000;

/** Maximum events in one request, whatever their size. */
export const MAX_BATCH_EVENTS = 2_500;

/** Maximum characters of a `messageId`. */
export const MAX_MESSAGE_ID_LENGTH = 100;

/** Maximum bytes of a reply to read before the request is aborted. Replies of the API have a few dozen. */
export const MAX_REPLY_BYTES = 64 * 1024;
