// Thrown while an event is accepted, if `spool.strict` can't write it to the disk. Used by client-spool.ts and
// event-acceptor.ts.

/** The event is not on the disk, and so it is refused. */
export class StoreError extends Error {
  /** @param cause the system's error. */
  constructor(directory: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`The spool in ${directory} fails: ${reason}. With spool.strict, events are refused meanwhile`, {
      cause,
    });
  }
}
