// A callback with the async context of the call that brought it. Used by pending-events.ts and callback-runner.ts.
import { AsyncResource } from 'node:async_hooks';
import type { AnalyticsError } from '../errors.js';

/** Called once with how an event ended: with nothing if the API took it. Runs in the async context of the call. */
export type Callback = (error?: AnalyticsError) => unknown;

export class BoundCallback {
  readonly #callback: Callback;
  // Not AsyncResource.bind() or AsyncLocalStorage.snapshot(), which cost 20 to 200 times as much.
  readonly #context = new AsyncResource('OffthreadCallback');

  constructor(callback: Callback) {
    this.#callback = callback;
  }

  /** Returns what the callback returns, and throws what it throws. */
  call(error: AnalyticsError | undefined): unknown {
    return this.#context.runInAsyncScope(this.#callback, undefined, error);
  }
}
