// The limits that the Tracking API documents.

/**
 * Largest request body, in bytes before compression. The documentation says "500KB". This reads it as KiB, so that it
 * refuses nothing that the real API accepts.
 */
export const MAX_REQUEST_BYTES = 500 * 1024;

/** Largest event, in bytes of UTF-8 as sent. The documentation says "32KB". */
export const MAX_EVENT_BYTES = 32 * 1024;

/** Most events in one batch. */
export const MAX_BATCH_EVENTS = 2_500;

/** Longest `messageId`, in characters. */
export const MAX_MESSAGE_ID_LENGTH = 100;

/**
 * Most bytes of the events of a batch with its `context` and `integrations` in each of them. The API has no such limit
 * in its documentation. Without one, a request of 500 KB could become gigabytes.
 */
export const MAX_MERGED_BYTES = 8 * 1024 * 1024;
