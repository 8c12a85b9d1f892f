// The text before and after the frames of a body. batch.ts counts its bytes, body.ts writes it.

export const OPENING = Buffer.from('{"batch":[');
export const SENT_AT = '],"sentAt":"';
export const CLOSING = '"}';

/** `2026-11-24T12:00:00.000Z`. Dates before the year 10000 aren't longer. */
const DATE_LENGTH = 24;

/** Bytes after the last frame. */
export const ENDING_BYTES = SENT_AT.length + DATE_LENGTH + CLOSING.length;
