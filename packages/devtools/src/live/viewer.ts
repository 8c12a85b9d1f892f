// One open live page: what it has been sent, and what waits until its connection takes more.
import type { ServerResponse } from 'node:http';
import type { Entry } from '../api/recorder.js';
import type { LiveMessage } from './live-message.js';

/** A page that takes nothing for this long, in ms, is dropped. Its browser connects again and starts anew. */
const STALL_MS = 10_000;

/** Ends of requests that may wait for a page. */
const MAX_ENDED = 20_000;

/**
 * Writes only while the connection takes more, one message at a time. What comes meanwhile is not kept as text: the
 * recorder has the requests, and the rest is a flag or a reference.
 */
export class Viewer {
  /** Sequence number of the first request it has not been sent. */
  next: number;
  /** Requests that have ended since they were sent. */
  ended: Entry[] = [];
  needsReset = false;
  needsStatus = true;
  #response: ServerResponse;
  #blockedAt = 0;

  constructor(response: ServerResponse, next: number) {
    this.#response = response;
    this.next = next;
  }

  /** Whether its connection takes more. */
  get isReady(): boolean {
    return !this.#response.writableNeedDrain && !this.#response.destroyed;
  }

  /** Whether a message is waiting for its connection. */
  get isBlocked(): boolean {
    return this.#response.writableNeedDrain && !this.#response.destroyed;
  }

  /** Bytes that wait for its connection, in this process. */
  get buffered(): number {
    return this.#response.writableLength;
  }

  send(message: LiveMessage): void {
    if (!this.#response.write(`data: ${JSON.stringify(message)}\n\n`)) this.#blockedAt = performance.now();
  }

  /** Whether its reader has gone away without closing the connection. */
  isStalled(nowMs: number): boolean {
    return this.isBlocked && (nowMs - this.#blockedAt > STALL_MS || this.ended.length > MAX_ENDED);
  }

  drop(): void {
    this.#response.destroy();
  }
}
