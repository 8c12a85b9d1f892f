// The worker thread's entry. In: one task, the port, and on it what main posts. Out: wires port -> queue -> delivery
// -> port, for each client.
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
  HEALTH,
  HEALTH_CLOCK,
  type OpenMessage,
  type StartMessage,
  type ToMain,
  type ToWorker,
} from './protocol.js';

/** A client that has moved in. */
interface Client {
  readonly queue: Queue;
  readonly delivery: Delivery;
  /** Somebody waits, who may not know of what was delivered already. */
  reportProgress(): void;
}

const clients = new Map<number, Client>();
let health: Int32Array | undefined;
let clock: BigInt64Array | undefined;
let heartbeat: NodeJS.Timeout | undefined;
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
  switch (message.type) {
    case 'open':
      if (message.network !== undefined) {
        applyNetworkDefaults(message.network);
        renewConnections();
      }
      clients.set(
        message.client,
        openClient(message, (workerMessage) =>
          port.postMessage({ client: message.client, ...workerMessage }),
        ),
      );
      break;
    case 'chunk':
      if (client === undefined) break;
      client.queue.push(message);
      woken.add(client);
      startHeartbeat();
      break;
    case 'flush':
      client?.delivery.flush();
      client?.reportProgress();
      break;
    case 'close':
      client?.delivery.close();
      clients.delete(message.client);
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

function openClient(
  { control, settings, frameDefaults, settled }: OpenMessage,
  post: (workerMessage: WorkerMessage) => void,
): Client {
  const queue = new Queue(settled, frameDefaults, createRedact(settings.redact));
  const words = new Int32Array(control);
  const counters = new BigInt64Array(control);
  let through = settled;
  const wakeMain = (): void => {
    Atomics.add(words, CONTROL.CHANGES, 1);
    Atomics.notify(words, CONTROL.CHANGES);
  };
  const listener: DeliveryListener = {
    onOutcome(outcome) {
      signalLife();
      const first = through + 1;
      through = outcome.through;
      if (outcome.type !== 'delivered') post({ ...outcome, first });
      else {
        Atomics.store(counters, COUNTER.DELIVERED, BigInt(through));
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
  const delivery = new Delivery(queue, settings, createAuthorize(settings), createSend(settings), listener);
  const reportProgress = (): void => post({ type: 'delivered', through });
  return { queue, delivery, reportProgress };
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

function startHeartbeat(): void {
  heartbeat ??= setInterval(() => {
    signalLife();
    writeClock();
    hostEnd?.beat();
    ticked?.postMessage({ type: 'tick' } satisfies ToMain);
    for (const { delivery } of clients.values()) if (delivery.busy) return;
    clearInterval(heartbeat);
    heartbeat = undefined;
  }, BEAT_INTERVAL_MS);
}
