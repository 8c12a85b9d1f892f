// The transport of a disabled client, which sends nothing. Used by choose-transport.ts.
import { LocalTransport } from './local-transport.js';
import type { CreateTransport } from './transport.js';

/** Settles all events as delivered without sending them. */
export const createNullTransport: CreateTransport = (pendingEvents, _, listener) =>
  new LocalTransport(() => listener.onOutcome({ type: 'delivered', through: pendingEvents.accepted }));
