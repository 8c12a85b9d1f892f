// An open client: connects its slabs, its deliveries and, if it has one, its spool. Used by index.ts. Next: queue.ts,
// delivery.ts, spool.ts.
import type { MessagePort } from 'node:worker_threads';
import { Queue } from './batch/queue.js';
import { createRedact } from './batch/redact-event.js';
import { ClientProgress } from './client-progress.js';
import { Delivery, type DeliveryListener } from './delivery/delivery.js';
import { signalLife } from './heartbeat.js';
import { createAuthorize } from './http/authorize.js';
import { createSend } from './http/send-batch.js';
import type { Handover, Outcome, ToWorker } from './protocol.js';
import type { Spool } from './spool/spool.js';

/** The frames of a client in memory. */
interface Slabs {
  /** Sequence number of the last frame that was counted. */
  readonly last: number;
  push(handover: Handover): void;
  /** Retires the slab that main writes to. Returns false if it can't. */
  retire(): boolean;
}

export interface OpenClient {
  readonly slabs: Slabs;
  readonly delivery: Delivery;
  readonly progress: ClientProgress;
  /** Aborted when the client is closed. */
  readonly gone: AbortController;
  /** The spool, if the client has one, and the delivery of what other processes have left in it. */
  readonly spool: Spool | undefined;
  readonly recovery: Delivery | undefined;
  /** Whether the spool has found frames since the last look. */
  hadFrames: boolean;
  /** Consecutive looks that found nothing to do. */
  quietLooks: number;
  /** Whether the client was flushed. Most likely no more events will follow. */
  isFlushed: boolean;
}

/** What a client lets the thread do. */
export interface ClientHost {
  readonly port: MessagePort;
  /** Events of a client are delivered. */
  onDelivered(): void;
  /** Events of other processes are to be sent. */
  keepAwake(client: OpenClient): void;
}

/** @param modules code of the spool, if the client has one. */
export function openClient(
  message: ToWorker & { type: 'open' },
  host: ClientHost,
  modules?: typeof import('./spool/spool.js'),
): OpenClient {
  const { client: id, control, settings, frameDefaults, settled, stored = settled } = message;
  let current: OpenClient | undefined;
  const progress = new ClientProgress(id, host.port, control, settled, ({ type, through }: Outcome) => {
    if (current?.isFlushed && through === current.slabs.last && current.slabs.retire())
      current.isFlushed = false;
    if (type === 'delivered') host.onDelivered();
  });
  const gone = new AbortController();
  const authorize = createAuthorize(settings, gone.signal);
  const send = createSend(settings, gone.signal);
  const redact = createRedact(settings.redact);
  const base = { progress, gone, quietLooks: 0, hadFrames: false, isFlushed: false };
  if (modules === undefined || settings.spool === undefined) {
    const queue = new Queue(settled, frameDefaults, redact);
    const delivery = new Delivery(queue, settings, authorize, send, progress);
    current = { ...base, slabs: queue, delivery, spool: undefined, recovery: undefined };
    return current;
  }
  const slabs = new modules.SlabFrames(Math.max(settled, stored));
  const spool = new modules.Spool({
    ...{ settings, spool: settings.spool, frameDefaults, redact, slabs, settled, stored },
    post: (report) => progress.post(report),
    wakeMain: () => progress.wakeMain(),
    wakeRecovery() {
      client.recovery.wake();
      if (client.recovery.busy) host.keepAwake(client);
    },
  });
  const recovered: DeliveryListener = {
    onOutcome(outcome, frames) {
      signalLife();
      spool.settleAdopted(outcome, frames);
    },
    onBatchStart() {},
    onRequest(bytes, retry) {
      spool.onAdoptedRequest();
      progress.onRequest(bytes, retry);
    },
    onPostponed: () => spool.onAdoptedPostponed(),
    onRetry() {},
    onRetryAfter: (delay) => progress.onRetryAfter(delay),
  };
  const own: DeliveryListener = {
    onOutcome: (outcome, frames) => progress.onOutcome(spool.settleOwn(outcome, frames)),
    onBatchStart: (batch) => progress.onBatchStart(batch),
    onRequest: (bytes, retry) => progress.onRequest(bytes, retry),
    onPostponed(retry) {
      spool.onPostponed();
      progress.onPostponed(retry);
    },
    onRetry: (retry) => progress.onRetry(retry),
    onRetryAfter: (delay) => progress.onRetryAfter(delay),
  };
  const delivery = new Delivery(spool.own, settings, authorize, send, own, spool.storedQueue(spool.own));
  const adopted = spool.storedQueue(spool.adopted);
  const recovery = new Delivery(spool.adopted, settings, authorize, send, recovered, adopted);
  const client = { ...base, slabs, delivery, spool, recovery };
  current = client;
  spool.open();
  return client;
}
