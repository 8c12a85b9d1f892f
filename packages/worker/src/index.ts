// The worker thread's entry. In: one task, the port, and on it what main posts. Out: wires port -> queue -> delivery
// -> port, for each client.
//
//   asleep -> awake      a slab is handed over
//   awake -> asleep      nothing has been there to do since the last look, and all slabs are given back
//
// Main posts nothing for a frame that fits into a slab this thread has. So while it has one it looks; before it sleeps it
// gives all of them back, which fails for one with frames that it has not seen.
//
// Nothing in this thread may write to the console: that passes through the main thread, which may be blocked in a
// flush, waiting for us. Code is loaded with this file, or, where only some clients need it, when one of them opens.

// First, because it speaks for what fails while the rest is loaded.
import './lifecycle.js';
import './build-check.js';

import type { MessagePort } from 'node:worker_threads';
import { Queue } from './batch/queue.js';
import { createRedact } from './batch/redact-event.js';
import { Delivery, type DeliveryListener } from './delivery/delivery.js';
import { HostEnd } from './host-end.js';
import { applyNetworkDefaults } from './http/apply-network-defaults.js';
import { createAuthorize } from './http/authorize.js';
import { renewConnections } from './http/connections.js';
import { createSend } from './http/send-batch.js';
import {
  BEAT_INTERVAL_MS,
  type ClientMessage,
  CONTROL,
  COUNTER,
  type Handover,
  HEALTH,
  HEALTH_CLOCK,
  type StartMessage,
  type ToMain,
  type ToWorker,
} from './protocol.js';
import type { Spool } from './spool/spool.js';

/** Where a client's frames lie in memory. */
interface Slabs {
  /** Sequence number of the last frame that has been seen. */
  readonly last: number;
  push(handover: Handover): void;
  /** Gives the slab back that main writes to; false if it can't. */
  retire(): boolean;
}

/** A client that has moved in. */
interface Client {
  readonly slabs: Slabs;
  readonly delivery: Delivery;
  /** Is aborted when the client is gone. */
  readonly gone: AbortController;
  /** If it has a spool, that, and the delivery of what other processes have left in it. */
  readonly spool: Spool | undefined;
  readonly recovery: Delivery | undefined;
  /** Whether the spool has found frames since the last look. */
  hadFrames: boolean;
  /** Looks in a row that have found nothing to do. */
  quietLooks: number;
  /** Somebody has flushed: most likely there is no more to come. */
  isFlushed: boolean;
  /** Somebody waits, who may not know of what was delivered already. */
  reportProgress(): void;
}

/** Milliseconds between two looks for frames that belong on the disk: what SIGKILL may take. */
const SPOOL_LOOK_MS = 10;

/** Heartbeats between two looks for frames: 200 ms, the pace at which requests begin. */
const BEATS_PER_LOOK = 2;

/**
 * Looks that find nothing after which a client's slab is given back though this thread is awake: a second. Sooner, and a
 * client with an event now and then posts each; later, and thousands of clients that are used for a moment hold a slab each.
 */
const QUIET_LOOKS = 5;

const clients = new Map<number, Client>();
/** What was posted to clients whose spool is being loaded. */
const loading = new Map<number, ToWorker[]>();
/** Clients with a slab, or with something to do. */
const active = new Set<Client>();
let health: Int32Array | undefined;
let clock: BigInt64Array | undefined;
let heartbeat: NodeJS.Timeout | undefined;
let beats = 0;
/** Looks for frames of clients with a spool, which come often. */
let spoolLooks: NodeJS.Timeout | undefined;
/** Whether events were delivered of which main has had no message. */
let hasProgress = false;
let hostEnd: HostEnd | undefined;
/** The port, if main wants a tick with each beat. */
let ticked: MessagePort | undefined;

/** Goes into service; from here on all comes by the port. A short task, because a pending one holds the process open. */
export function start({ port, health: memory, ticks, hostThread }: StartMessage): void {
  useHealth(memory);
  if (hostThread !== undefined) {
    hostEnd = new HostEnd(hostThread, () => {
      for (const { delivery } of clients.values()) delivery.flush();
    });
  }
  if (ticks) ticked = port;
  signalLife();
  port.on('message', (messages: readonly ToWorker[]) => {
    const woken = new Set<Client>();
    for (const message of messages) {
      signalLife();
      handleMessage(message, port, woken);
    }
    // Only now, so that a batch may have frames of several chunks.
    for (const { delivery } of woken) delivery.wake();
  });
}

/** @param woken takes the clients that have more frames. */
function handleMessage(message: ToWorker, port: MessagePort, woken: Set<Client>): void {
  const client = clients.get(message.client);
  const later = loading.get(message.client);
  if (later !== undefined) {
    later.push(message);
    return;
  }
  switch (message.type) {
    case 'open':
      if (message.network !== undefined) {
        applyNetworkDefaults(message.network);
        renewConnections();
      }
      if (message.settings.spool === undefined) clients.set(message.client, openClient(message, port));
      else openWithSpool(message, port);
      break;
    case 'slab':
      if (client === undefined) break;
      client.slabs.push(message);
      client.spool?.look();
      keepAwake(client, port);
      woken.add(client);
      break;
    case 'store':
      client?.spool?.store(message.id);
      break;
    case 'flush':
      if (client === undefined) break;
      client.isFlushed = true;
      client.delivery.flush();
      client.reportProgress();
      break;
    case 'close':
      if (client === undefined) break;
      client.delivery.close();
      client.recovery?.close();
      client.spool?.close();
      client.gone.abort();
      clients.delete(message.client);
      active.delete(client);
      break;
    default:
      message satisfies never;
  }
}

type WorkerMessage = ClientMessage extends infer Each
  ? Each extends ClientMessage
    ? Omit<Each, 'client'>
    : never
  : never;

/** The code of the spool is evaluated only if a client has one. */
function openWithSpool(message: ToWorker & { type: 'open' }, port: MessagePort): void {
  const later: ToWorker[] = [];
  loading.set(message.client, later);
  void import('./spool/spool.js').then((modules) => {
    loading.delete(message.client);
    clients.set(message.client, openClient(message, port, modules));
    const woken = new Set<Client>();
    for (const each of later) handleMessage(each, port, woken);
    for (const { delivery } of woken) delivery.wake();
  });
}

/** @param modules of the spool, if the client has one. */
function openClient(
  { client: id, control, settings, frameDefaults, settled, stored = settled }: ToWorker & { type: 'open' },
  port: MessagePort,
  modules?: typeof import('./spool/spool.js'),
): Client {
  const post = (message: WorkerMessage): void => port.postMessage({ client: id, ...message });
  const words = new Int32Array(control);
  const counters = new BigInt64Array(control);
  let through = settled;
  let current: Client | undefined;
  const wakeMain = (): void => {
    Atomics.add(words, CONTROL.CHANGES, 1);
    Atomics.notify(words, CONTROL.CHANGES);
  };
  const listener: DeliveryListener = {
    onOutcome(outcome) {
      signalLife();
      const first = through + 1;
      through = outcome.through;
      // Before main is told, which may let go of the client then: its memory is to be used again.
      if (current?.isFlushed && through === current.slabs.last && current.slabs.retire())
        current.isFlushed = false;
      if (outcome.type !== 'delivered') {
        post({ ...outcome, first });
        Atomics.store(counters, COUNTER.LOST, BigInt(through));
      } else {
        Atomics.store(counters, COUNTER.DELIVERED, BigInt(through));
        hasProgress = true;
        if (Atomics.load(counters, COUNTER.EXPECTED) >= first) post(outcome);
      }
      wakeMain();
    },
    onBatchStart(batch) {
      Atomics.store(words, CONTROL.ATTEMPTS, 0);
      Atomics.store(counters, COUNTER.CURRENT_BATCH, BigInt(batch.through));
    },
    onRequest(bytes, retry) {
      signalLife();
      Atomics.store(words, CONTROL.ATTEMPTS, retry + 1);
      Atomics.add(counters, COUNTER.REQUESTS, 1n);
      Atomics.add(counters, COUNTER.BYTES, BigInt(bytes));
      if (retry > 0) Atomics.add(counters, COUNTER.RETRIES, 1n);
    },
    onPostponed(retry) {
      post({ type: 'postponed', first: through + 1, ...retry });
    },
    onRetry(retry) {
      post({ type: 'retried', first: through + 1, ...retry });
    },
    onRetryAfter(delay) {
      const until = delay === 0 ? 0n : BigInt(Math.round(writeClock() + delay));
      Atomics.store(counters, COUNTER.HELD_UNTIL, until);
      if (delay === 0) return;
      post({ type: 'held' });
      wakeMain();
    },
  };
  const gone = new AbortController();
  const authorize = createAuthorize(settings, gone.signal);
  const send = createSend(settings, gone.signal);
  const redact = createRedact(settings.redact);
  const reportProgress = (): void => post({ type: 'delivered', through });
  const base = { gone, quietLooks: 0, hadFrames: false, isFlushed: false, reportProgress };
  if (modules === undefined || settings.spool === undefined) {
    const queue = new Queue(settled, frameDefaults, redact);
    const delivery = new Delivery(queue, settings, authorize, send, listener);
    const client: Client = { ...base, slabs: queue, delivery, spool: undefined, recovery: undefined };
    current = client;
    return client;
  }
  const slabs = new modules.SlabFrames(Math.max(settled, stored));
  const spool = new modules.Spool({
    ...{ settings, spool: settings.spool, frameDefaults, redact, slabs, settled, stored },
    post,
    wakeMain,
    wakeRecovery() {
      client.recovery.wake();
      if (client.recovery.busy) keepAwake(client, port);
    },
  });
  const recovered: DeliveryListener = {
    ...listener,
    onOutcome(outcome, frames) {
      signalLife();
      spool.settleAdopted(outcome, frames);
    },
    onBatchStart() {},
    onPostponed: () => spool.onPostponed(),
    onRetry() {},
  };
  const own: DeliveryListener = {
    ...listener,
    onOutcome: (outcome, frames) => listener.onOutcome(spool.settleOwn(outcome, frames), frames),
    onPostponed(retry) {
      spool.onPostponed();
      listener.onPostponed(retry);
    },
  };
  const delivery = new Delivery(spool.own, settings, authorize, send, own, spool.storedQueue(spool.own));
  const adopted = spool.storedQueue(spool.adopted);
  const recovery = new Delivery(spool.adopted, settings, authorize, send, recovered, adopted);
  const client = { ...base, slabs, delivery, spool, recovery };
  current = client;
  spool.open();
  return client;
}

/** There is something to do for the client. */
function keepAwake(client: Client, port: MessagePort): void {
  client.quietLooks = 0;
  active.add(client);
  startHeartbeat(port);
  if (client.spool === undefined || spoolLooks !== undefined) return;
  spoolLooks = setInterval(() => {
    // Written, and not sent: how often a request begins stays as it is.
    for (const each of active) if (each.spool?.look()) each.hadFrames = true;
  }, SPOOL_LOOK_MS);
}

/** Uses the health block. */
function useHealth(memory: SharedArrayBuffer): void {
  health = new Int32Array(memory);
  clock = new BigInt64Array(memory);
}

/** One beat of the heart: with each step of the work too, because timers wait while a thousand clients have some. */
function signalLife(): void {
  if (health !== undefined) Atomics.add(health, HEALTH.BEAT, 1);
}

/** What the clock of this thread says, for main to read. */
function writeClock(): number {
  const now = performance.now();
  if (clock !== undefined) Atomics.store(clock, HEALTH_CLOCK, BigInt(Math.round(now)));
  return now;
}

function startHeartbeat(port: MessagePort): void {
  if (heartbeat !== undefined) return;
  beats = 0;
  heartbeat = setInterval(() => {
    signalLife();
    writeClock();
    hostEnd?.beat();
    ticked?.postMessage({ type: 'tick' } satisfies ToMain);
    beats++;
    if (beats % BEATS_PER_LOOK === 0) look(port);
  }, BEAT_INTERVAL_MS);
}

/** Looks for frames of all clients. If there is nothing to do at all, this thread sleeps until main posts a slab. */
function look(port: MessagePort): void {
  let isQuiet = true;
  for (const client of active) {
    const hasMore = client.delivery.look() || client.hadFrames;
    client.hadFrames = false;
    const isBusy = client.delivery.busy || client.recovery?.busy === true;
    client.quietLooks = hasMore || isBusy ? 0 : client.quietLooks + 1;
    if (client.quietLooks === 0) isQuiet = false;
  }
  const most = isQuiet ? 0 : QUIET_LOOKS;
  let hasRetired = false;
  for (const client of active) {
    if (client.quietLooks <= most) continue;
    if (client.slabs.retire()) {
      active.delete(client);
      hasRetired = true;
    } else client.delivery.look();
  }
  const isSubscribed = health !== undefined && Atomics.load(health, HEALTH.SUBSCRIBED) === 1;
  if (hasRetired || (isSubscribed && hasProgress)) {
    hasProgress = false;
    port.postMessage({ type: 'progress' } satisfies ToMain);
  }
  if (active.size > 0) return;
  clearInterval(spoolLooks);
  spoolLooks = undefined;
  clearInterval(heartbeat);
  heartbeat = undefined;
}
