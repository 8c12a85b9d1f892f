// Accepts the events of requests into the engine. Next: the engine, then drain/.
import { randomUUID } from 'node:crypto';
import { eventTexts, MAX_EVENT_BYTES, type Refusal, unavailable } from '@offthread/tracking-api';
import type { AcceptedReceipt } from '@offthread/tracking-api/fastify';
import type { Logger } from 'pino';
import type { Engine } from '../engine/engine.js';
import type { KnownSources } from './known-sources.js';
import { byPartition } from './partition.js';
import { stamp } from './stamp.js';

/** Seconds after which clients should try again: when the engine may be back, and when a backlog may be shorter. */
const RETRY_UNAVAILABLE_S = 5;
const RETRY_FULL_S = 30;

/** Milliseconds between two lines in the log about the same failure of a source. */
const LOG_MS = 60_000;

/** Is told about what is accepted, for metrics. */
export interface IngestListener {
  onIngested(source: string, events: number): void;
  /** Faults of events, which the API would answer with 200 and drop later. */
  onFaults(source: string, code: string, events: number): void;
  /** The engine couldn't take a request. */
  onRefused(source: string, reason: 'unavailable' | 'full'): void;
}

export interface IngestOptions {
  readonly engine: Engine;
  readonly sources: KnownSources;
  readonly log: Logger;
  readonly listener: IngestListener;
}

export class Ingest {
  readonly #engine: Engine;
  readonly #sources: KnownSources;
  readonly #log: Logger;
  readonly #listener: IngestListener;
  /** When a source's failures were last logged, by `performance.now()`. */
  readonly #logged = new Map<string, number>();

  constructor({ engine, sources, log, listener }: IngestOptions) {
    this.#engine = engine;
    this.#sources = sources;
    this.#log = log;
    this.#listener = listener;
  }

  /**
   * Stores the events of a request. Resolves with nothing when all of them are stored, or with the reason why none is.
   *
   * @param ip the address of the browser that sent the request; undefined if it wasn't one.
   */
  async accept(receipt: AcceptedReceipt, ip: string | undefined): Promise<Refusal | undefined> {
    const time = Date.now();
    const source = this.#sources.find(receipt.writeKey)?.name;
    if (source === undefined)
      return { status: 401, code: 'unauthorized', message: 'this write key is not known here' };
    this.#countFaults(source, receipt);
    const { events, sentAt } = receipt;
    const arrival = { time, sentAt, ip };
    const texts = eventTexts(receipt.body, receipt.route).map((text, index) => {
      const stamped = stamp(text, events[index] ?? null, arrival, randomUUID);
      // The API takes it as it was sent, so its request mustn't be refused for what the relay adds.
      return isOversize(stamped) && !isOversize(text) ? text : stamped;
    });
    if (texts.length === 0) return undefined;
    const oversize = texts.findIndex((text) => isOversize(text));
    if (oversize !== -1) return tooLarge(oversize);
    return this.#store(source, texts, receipt);
  }

  async #store(
    source: string,
    texts: readonly string[],
    { events }: AcceptedReceipt,
  ): Promise<Refusal | undefined> {
    try {
      const { type } = await this.#engine.append(source, byPartition(texts, events, this.#engine.partitions));
      if (type === 'full') {
        this.#refuse(source, 'full', 'the source has reached --max-bytes');
        return unavailable('the relay is full: too many events wait to be delivered', RETRY_FULL_S);
      }
    } catch (error) {
      // Any failure means that the events aren't stored. The client keeps them.
      this.#refuse(source, 'unavailable', error instanceof Error ? error.message : String(error));
      return unavailable('the relay cannot store events now', RETRY_UNAVAILABLE_S);
    }
    this.#listener.onIngested(source, texts.length);
    return undefined;
  }

  #refuse(source: string, reason: 'unavailable' | 'full', message: string): void {
    this.#listener.onRefused(source, reason);
    const key = `${source} ${reason}`;
    const now = performance.now();
    if (now - (this.#logged.get(key) ?? Number.NEGATIVE_INFINITY) < LOG_MS) return;
    this.#logged.set(key, now);
    this.#log.error({ source, reason: message }, 'events are refused with 503');
  }

  #countFaults(source: string, { faults }: AcceptedReceipt): void {
    const counts = new Map<string, number>();
    for (const { code } of faults) counts.set(code, (counts.get(code) ?? 0) + 1);
    for (const [code, count] of counts) this.#listener.onFaults(source, code, count);
  }
}

/** UTF-8 has at most three bytes for each unit of a string. */
function isOversize(text: string): boolean {
  return text.length * 3 > MAX_EVENT_BYTES && Buffer.byteLength(text) > MAX_EVENT_BYTES;
}

function tooLarge(index: number): Refusal {
  const message = `batch[${index}] is over the limit of ${MAX_EVENT_BYTES} bytes with the context and integrations of the batch`;
  return { status: 400, code: 'payload_too_large', message, index };
}
