// Settings -> what takes a client's events away. Used by client.ts. Next: link.ts.

import { deliverySettings, type Settings } from '../settings/settings.js';
import { Sink } from './null-transport.js';
import type { Connect } from './transport.js';
import { Link } from './worker-transport.js';

/**
 * `'live'`: events are sent. `'stub'`: the worker thread does all but the requests. `'disabled'`: there is no worker
 * thread. `'test'`: a client of `createTestAnalytics()`, which records them.
 */
export type Mode = 'live' | 'stub' | 'disabled' | 'test';

/** @param connect what a client for tests brings along. Where it is disabled that has nothing to record. */
export function choose(settings: Settings, connect: Connect | undefined): readonly [Mode, Connect] {
  if (settings.disable) return ['disabled', toNowhere];
  if (connect !== undefined) return ['test', connect];
  return [settings.stub ? 'stub' : 'live', toWorker];
}

const toWorker: Connect = (ledger, settings, correspondent) =>
  new Link(ledger, deliverySettings(settings), correspondent);

const toNowhere: Connect = (ledger, _, correspondent) => new Sink(ledger, correspondent);
