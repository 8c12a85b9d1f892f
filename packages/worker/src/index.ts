// The worker thread's entry. In: an `open` task for each client. Out: wires port -> queue -> delivery -> port.
//
// Nothing in this thread may write to the console or load code later on: both pass through the main thread, which
// may be blocked in a flush, waiting for us.
import type { MessagePort } from 'node:worker_threads';
import { Delivery, type Observer } from './delivery.js';
import {
  BEAT_INTERVAL_MS,
  CONTROL,
  COUNTER,
  type OpenOrder,
  type Outcome,
  type ToMain,
  type ToWorker,
  VITAL,
} from './protocol.js';
import { Queue } from './queue.js';
import { createSend } from './request.js';

const deliveries = new Set<Delivery>();
let vitals: Int32Array | undefined;
let beat: NodeJS.Timeout | undefined;

/** Registers a client; from here on it lives on its port. A short task, because a pending one holds the process open. */
export function open(order: OpenOrder): void {
  live(order.vitals);
  showLife();
  const { port } = order;
  const queue = new Queue(order.settled, order.signature);
  const observer = observe(port, order.control);
  const delivery = new Delivery(queue, order.settings, createSend(order.settings), observer);
  deliveries.add(delivery);
  const close = (): void => {
    delivery.close();
    deliveries.delete(delivery);
  };
  port.on('message', (message: ToWorker) => {
    showLife();
    switch (message.type) {
      case 'chunk':
        queue.push(message);
        delivery.wake();
        keepBeating();
        break;
      case 'flush':
        delivery.hurry();
        break;
      case 'close':
        close();
        port.close();
        break;
      default:
        message satisfies never;
    }
  });
  port.on('close', close);
}

/** What a client's delivery says, written where main reads it. */
function observe(port: MessagePort, control: SharedArrayBuffer): Observer {
  const words = new Int32Array(control);
  const counters = new BigInt64Array(control);
  const post = (message: ToMain): void => {
    port.postMessage(message);
    Atomics.add(words, CONTROL.POSTED, 1);
    Atomics.notify(words, CONTROL.POSTED);
  };
  return {
    report(outcome: Outcome) {
      showLife();
      post(outcome);
    },
    takeInHand({ through }) {
      Atomics.store(counters, COUNTER.IN_HAND, BigInt(through));
    },
    requesting(bytes, retry) {
      showLife();
      Atomics.add(counters, COUNTER.REQUESTS, 1n);
      Atomics.add(counters, COUNTER.BYTES, BigInt(bytes));
      if (retry > 0) Atomics.add(counters, COUNTER.RETRIES, 1n);
    },
    hold(delay) {
      const until = delay === 0 ? 0n : process.hrtime.bigint() + BigInt(Math.round(delay * 1e6));
      Atomics.store(counters, COUNTER.HELD_UNTIL, until);
      if (delay > 0) post({ type: 'held' });
    },
  };
}

/** Takes up the vitals when the first client moves in. */
function live(memory: SharedArrayBuffer): void {
  if (vitals !== undefined) return;
  const words = new Int32Array(memory);
  vitals = words;
  process.on('exit', () => {
    Atomics.store(words, VITAL.DEAD, 1);
  });
}

/** One beat of the heart: with each step of the work too, because timers wait while a thousand clients have some. */
function showLife(): void {
  if (vitals !== undefined) Atomics.add(vitals, VITAL.BEAT, 1);
}

function keepBeating(): void {
  beat ??= setInterval(() => {
    showLife();
    for (const delivery of deliveries) if (delivery.busy) return;
    clearInterval(beat);
    beat = undefined;
  }, BEAT_INTERVAL_MS);
}
