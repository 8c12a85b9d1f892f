// Settings -> what takes a client's events away. Used by client.ts. Next: worker-transport.ts.

import { deliverySettings, type Settings } from '../settings/settings.js';
import { NullTransport } from './null-transport.js';
import type { CreateTransport } from './transport.js';
import { WorkerTransport } from './worker-transport.js';

/**
 * `'live'`: events are sent. `'stub'`: the worker thread does all but the requests. `'disabled'`: there is no worker
 * thread. `'test'`: a client of `createTestAnalytics()`, which records them.
 */
export type Mode = 'live' | 'stub' | 'disabled' | 'test';

/** @param createTransport what a client for tests brings along. Where it is disabled that has nothing to record. */
export function chooseTransport(
  settings: Settings,
  createTransport: CreateTransport | undefined,
): readonly [Mode, CreateTransport] {
  if (settings.disable) return ['disabled', createNullTransport];
  if (createTransport !== undefined) return ['test', createTransport];
  return [settings.stub ? 'stub' : 'live', createWorkerTransport];
}

const createWorkerTransport: CreateTransport = (pendingEvents, settings, listener) =>
  new WorkerTransport(pendingEvents, deliverySettings(settings), listener);

const createNullTransport: CreateTransport = (pendingEvents, _, listener) =>
  new NullTransport(pendingEvents, listener);
