// One open live page: what it has received, and what waits until its connection accepts more.
import type { ServerResponse } from 'node:http';
import type { Entry } from '../api/entry.js';
import type { LiveMessage } from './live-message.js';

/** A page that reads nothing for this many milliseconds is dropped. Its browser then reconnects. */
const STALL_MS = 10_000;

/** Number of ended requests that may wait for a page. */
const MAX_ENDED = 20_000;

/**
 * Writes only while the connection accepts more, one message at a time. Nothing else is buffered as text: the recorder
 * has the requests, and the rest is a flag or a reference.
 */
export class Viewer {
  /** Sequence number of the first request that hasn't been sent. */
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

  /** Whether its connection accepts more. */
  get isReady(): boolean {
    return !this.#response.writableNeedDrain && !this.#response.destroyed;
  }

  /** Whether a message is waiting for its connection. */
  get isBlocked(): boolean {
    return this.#response.writableNeedDrain && !this.#response.destroyed;
  }

  /** Bytes in this process that wait for its connection. */
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
