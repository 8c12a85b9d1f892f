// Chooses the transport of a client by its settings. Used by client.ts. Next: worker-transport.ts.

import type { Mode } from '../report/counters.js';
import { deliverySettings, type Settings } from '../settings/settings.js';
import { prepareSpool } from '../settings/spool.js';
import { ClientSpool } from '../spool/client-spool.js';
import { createNullTransport } from './null-transport.js';
import type { CreateTransport } from './transport.js';
import { WorkerTransport } from './worker-transport.js';

/** @param createTransport creates the transport of a test client. Not used if the client is disabled. */
export function chooseTransport(
  settings: Settings,
  createTransport: CreateTransport | undefined,
): readonly [Mode, CreateTransport] {
  if (settings.disable) return ['disabled', createNullTransport];
  if (createTransport !== undefined) return ['test', createTransport];
  return [settings.stub ? 'stub' : 'live', createWorkerTransport];
}

const createWorkerTransport: CreateTransport = (pendingEvents, settings, listener) => {
  const { spool } = settings;
  if (spool !== undefined) prepareSpool(spool);
  const clientSpool = spool && new ClientSpool(spool, settings);
  return new WorkerTransport(pendingEvents, deliverySettings(settings), listener, clientSpool);
};
