// Turns whatever goes wrong with Redis into the error that the engine's users know. Used by redis-engine.ts,
// stream-writer.ts and dead-letter-stream.ts.
import { EngineUnavailableError } from '../engine.js';

/** What ioredis says if there is no connection. */
const OFFLINE = /^Stream isn't writeable|^Connection is closed|^Reached the max retries per request/;

/** Whatever Redis answers or doesn't: the engine can't do it now, and may later. */
export async function available<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new EngineUnavailableError(OFFLINE.test(message) ? 'Redis is not connected' : message, { cause });
  }
}
