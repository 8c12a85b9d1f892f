// A callback that runs in the async context of the call it was passed to. Used by pending-events.ts and
// callback-runner.ts.
import { AsyncResource } from 'node:async_hooks';
import type { AnalyticsError } from '../errors.js';
import type { Callback } from '../event/methods.js';

export class BoundCallback {
  readonly #callback: Callback;
  // AsyncResource.bind() and AsyncLocalStorage.snapshot() cost 20 to 200 times as much.
  readonly #context = new AsyncResource('OffthreadCallback');

  constructor(callback: Callback) {
    this.#callback = callback;
  }

  /** Returns the callback's result, and throws what it throws. */
  call(error: AnalyticsError | undefined): unknown {
    return this.#context.runInAsyncScope(this.#callback, undefined, error);
  }
}
