// Waits until enough replicas have what was appended. One WAIT at a time, for all requests that were stored before it,
// because Redis executes nothing else of a connection meanwhile. Used by stream-writer.ts.
import type { Redis } from 'ioredis';

export class ReplicaWait {
  readonly #redis: Redis;
  readonly #replicas: number;
  readonly #duration: number;
  #current: Promise<boolean> | undefined;
  #next: Promise<boolean> | undefined;
  #connection = 0;
  /** Whether there were enough replicas the last time. */
  #areEnough = false;

  /** @param duration milliseconds for which Redis waits. */
  constructor(redis: Redis, replicas: number, duration: number) {
    this.#redis = redis;
    this.#replicas = replicas;
    this.#duration = duration;
    redis.on('close', () => {
      this.#connection++;
      this.#areEnough = false;
    });
  }

  /** A number for the connection. Take it before writing. */
  get connection(): number {
    return this.#connection;
  }

  /**
   * Returns whether enough replicas follow. Ask before writing: what is written while they don't can't be confirmed, and
   * the client would send it again and again.
   */
  async areFollowing(): Promise<boolean> {
    return this.#replicas === 0 || this.#areEnough || this.#wait();
  }

  /** Returns whether enough replicas have all that was written on that connection so far. */
  async isReplicated(connection: number): Promise<boolean> {
    if (this.#replicas === 0) return true;
    // On another connection, WAIT doesn't wait for what was written on this one.
    return (await this.#wait()) && connection === this.#connection;
  }

  /** A WAIT that was sent already may have begun before the caller's write, so the next one counts. */
  #wait(): Promise<boolean> {
    this.#next ??= this.#start();
    return this.#next;
  }

  async #start(): Promise<boolean> {
    await this.#current?.catch(() => {});
    this.#next = undefined;
    this.#current = this.#ask();
    return this.#current;
  }

  async #ask(): Promise<boolean> {
    this.#areEnough = (await this.#redis.wait(this.#replicas, this.#duration)) >= this.#replicas;
    return this.#areEnough;
  }
}
