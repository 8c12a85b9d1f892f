// Waits until enough replicas have what was appended. One WAIT at a time, for all requests that were stored before it,
// because Redis executes nothing else of a connection meanwhile. Used by redis-engine.ts.
import type { Redis } from 'ioredis';

/** Milliseconds for which Redis waits. Shorter than the timeout of a command. */
const WAIT_MS = 2_000;

export class ReplicaWait {
  readonly #redis: Redis;
  readonly #replicas: number;
  #current: Promise<unknown> | undefined;
  #next: Promise<number> | undefined;
  #connection = 0;

  constructor(redis: Redis, replicas: number) {
    this.#redis = redis;
    this.#replicas = replicas;
    redis.on('close', () => {
      this.#connection++;
    });
  }

  /** A number for the connection. Take it before writing. */
  get connection(): number {
    return this.#connection;
  }

  /** Returns whether enough replicas have all that was written on that connection so far. */
  async isReplicated(connection: number): Promise<boolean> {
    if (this.#replicas === 0) return true;
    // A WAIT that was sent already may have begun before the caller's write.
    this.#next ??= this.#start();
    const replicas = await this.#next;
    // On another connection, WAIT doesn't wait for what was written on this one.
    return replicas >= this.#replicas && connection === this.#connection;
  }

  async #start(): Promise<number> {
    await this.#current?.catch(() => {});
    this.#next = undefined;
    const wait = this.#redis.wait(this.#replicas, WAIT_MS);
    this.#current = wait;
    return wait;
  }
}
