// What a body has before and after its frames. Used by batch.ts, which counts its bytes, and by body.ts, which writes it.

export const OPENING = Buffer.from('{"batch":[');
export const SENT_AT = '],"sentAt":"';
export const CLOSING = '"}';

/** `2026-11-24T12:00:00.000Z`: no date before the year 10000 is longer. */
const DATE_LENGTH = 24;

/** Bytes after the last frame. */
export const ENDING_BYTES = SENT_AT.length + DATE_LENGTH + CLOSING.length;
