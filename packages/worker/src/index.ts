// The entry point of the worker thread. It runs one task, receives what main posts on the port, and connects port ->
// queue -> delivery -> port for each client.
//
//   asleep -> awake      main hands a slab over
//   awake -> asleep      the last look found nothing to do, and all slabs are retired
//
// Main posts nothing for a frame that fits into an open slab, so this thread looks for frames while it has one. Before
// it sleeps it retires all slabs, which fails for a slab with frames that it hasn't seen.
//
// Nothing in this thread may write to the console: that goes through the main thread, which may be blocked in a flush
// and waiting for this thread. Code is loaded with this file, or, if only some clients need it, when such a client
// opens.

// First, because it reports errors that occur while the rest is loaded.
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

/** The frames of a client in memory. */
interface Slabs {
  /** Sequence number of the last frame that was counted. */
  readonly last: number;
  push(handover: Handover): void;
  /** Retires the slab that main writes to. Returns false if it can't. */
  retire(): boolean;
}

/** An open client. */
interface Client {
  readonly slabs: Slabs;
  readonly delivery: Delivery;
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
  /** Posts progress to a waiting caller that may not know of earlier deliveries. */
  reportProgress(): void;
}

/** Milliseconds between two looks for frames to write to disk: SIGKILL can lose the events of this time. */
const SPOOL_LOOK_MS = 10;

/** Heartbeats between two looks for frames: 200 ms, the same interval as between requests. */
const BEATS_PER_LOOK = 2;

/**
 * Looks without work, a second in all, after which a client's slab is retired even if this thread stays awake. With a
 * shorter time, a client with occasional events posts each of them. With a longer time, thousands of briefly used
 * clients hold a slab each.
 */
const QUIET_LOOKS = 5;

const clients = new Map<number, Client>();
/** Messages for clients whose spool is being loaded. */
const loading = new Map<number, ToWorker[]>();
/** Clients with a slab, or with work to do. */
const active = new Set<Client>();
let health: Int32Array | undefined;
let clock: BigInt64Array | undefined;
let heartbeat: NodeJS.Timeout | undefined;
let beats = 0;
/** The timer that looks for frames of clients with a spool. It fires often. */
let spoolLooks: NodeJS.Timeout | undefined;
/** Whether events were delivered that no message to main has reported yet. */
let hasProgress = false;
let hostEnd: HostEnd | undefined;
/** The port, if main wants a tick with each beat. */
let ticked: MessagePort | undefined;

/**
 * Starts the service; everything else arrives by the port. The task is short because a pending task keeps the process
 * alive.
 */
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
    // Only after all messages, so that a batch can contain frames of several slabs.
    for (const { delivery } of woken) delivery.wake();
  });
}

/** @param woken receives the clients that have more frames. */
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

/** Opens a client with a spool. Loads the code of the spool only now, because most clients don't need it. */
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

/** @param modules code of the spool, if the client has one. */
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
      // Before main is told, because main may then release the client. Its memory can be used again.
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

/** Keeps this thread awake, because the client has work to do. */
function keepAwake(client: Client, port: MessagePort): void {
  client.quietLooks = 0;
  active.add(client);
  startHeartbeat(port);
  if (client.spool === undefined || spoolLooks !== undefined) return;
  spoolLooks = setInterval(() => {
    // Only writes to disk and sends nothing, so that the interval between requests stays the same.
    for (const each of active) if (each.spool?.look()) each.hadFrames = true;
  }, SPOOL_LOOK_MS);
}

function useHealth(memory: SharedArrayBuffer): void {
  health = new Int32Array(memory);
  clock = new BigInt64Array(memory);
}

/**
 * Signals a heartbeat. Also called with each step of the work, because timers are late while a thousand clients have
 * work.
 */
function signalLife(): void {
  if (health !== undefined) Atomics.add(health, HEALTH.BEAT, 1);
}

/** Writes the time on this thread's clock, for main to read. */
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

/** Looks for frames of all clients. If there is no work at all, this thread sleeps until main posts a slab. */
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
