// The transport of test clients, which records events on the main thread instead of sending them. It uses the queue,
// serializer, limits and outcomes of the worker. Next: test-analytics.ts.
import { takeBatch } from '@offthread/worker/batch/batch';
import { Queue } from '@offthread/worker/batch/queue';
import { createRedact } from '@offthread/worker/batch/redact-event';
import { delivered, oversize } from '@offthread/worker/delivery/outcome';
import { stringOf } from '@offthread/worker/frame/frame';
import type { Outcome } from '@offthread/worker/protocol';
import type { PendingEvents } from '../pending/pending-events.js';
import type { Settings } from '../settings/settings.js';
import { LocalTransport } from '../thread/local-transport.js';
import type { CreateTransport, TransportListener } from '../thread/transport.js';

/** @param record is called with each event that is within the limits, as the JSON text that would be sent. */
export function createRecordingTransport(record: (event: string) => void): CreateTransport {
  return (pendingEvents, settings, listener) => {
    const recorder = new Recorder(pendingEvents, settings, listener, record);
    return new LocalTransport(
      () => recorder.settle(),
      () => recorder.take(),
    );
  };
}

class Recorder {
  readonly #pendingEvents: PendingEvents;
  readonly #listener: TransportListener;
  readonly #record: (event: string) => void;
  readonly #queue: Queue;
  readonly #outcomes = new Set<Outcome>();

  constructor(
    pendingEvents: PendingEvents,
    settings: Settings,
    listener: TransportListener,
    record: (event: string) => void,
  ) {
    this.#pendingEvents = pendingEvents;
    this.#queue = new Queue(0, pendingEvents.frameDefaults, createRedact(settings.redact));
    this.#listener = listener;
    this.#record = record;
  }

  /** Records new events synchronously, so that a test doesn't have to wait. */
  take(): void {
    for (const slab of this.#pendingEvents.handOver()) this.#queue.push(slab);
    this.#queue.look();
    for (let next = takeBatch(this.#queue, 1); next !== undefined; next = takeBatch(this.#queue, 1)) {
      if ('frame' in next) this.#outcomes.add(oversize(next));
      else {
        for (const { text } of next.frames) this.#record(stringOf(text));
        this.#outcomes.add(delivered(next));
      }
    }
  }

  /** Settles the events accepted so far, but not those that callbacks track meanwhile: they may track forever. */
  settle(): void {
    const { accepted } = this.#pendingEvents;
    for (const outcome of this.#outcomes) {
      if (outcome.through > accepted) break;
      // Removed before the callbacks run, because one may flush, which settles the remaining outcomes.
      this.#outcomes.delete(outcome);
      this.#listener.onOutcome(outcome);
    }
  }
}
