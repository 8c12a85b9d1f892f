// The metrics of a relay, for Prometheus. No label contains a write key: a source is named by a hash of it.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DrainListener } from '../drain/drain.js';
import type { Backlog, Engine } from '../engine/engine.js';
import type { FrontDoorListener } from '../ingest/front-door.js';
import type { IngestListener } from '../ingest/ingest.js';
import type { Source } from '../source.js';

const PREFIX = 'offthread_relay_';

/** Bounds of the histogram in seconds: 20 ms is the goal, and a client's timeout is usually 10 s. */
const BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 10];

/** What the engine says of a source. */
interface SourceBacklog {
  readonly source: string;
  readonly backlog: Backlog;
  readonly holders: readonly (string | undefined)[];
}

export class Metrics implements IngestListener, FrontDoorListener, DrainListener {
  readonly #registry = new Registry();
  readonly #engine: Engine;
  readonly #sources: readonly Source[];
  readonly #log: { warn(facts: object, message: string): void };
  readonly #replies = this.#histogram('http_reply_seconds', 'Time until a request was answered', ['status']);
  readonly #ingested = this.#counter('ingested_events_total', 'Events stored and answered with 200', [
    'source',
  ]);
  readonly #faults = this.#counter(
    'faulty_events_total',
    'Events with a fault that the API answers with 200',
    ['source', 'code'],
  );
  readonly #refused = this.#counter('refused_requests_total', 'Requests answered with 503', [
    'source',
    'reason',
  ]);
  readonly #delivered = this.#counter('delivered_events_total', 'Events the API answered with 2xx', [
    'source',
  ]);
  readonly #dead = this.#counter('failed_events_total', 'Events that became dead letters', [
    'source',
    'code',
  ]);
  readonly #responses = this.#counter('api_responses_total', 'Responses of the API, or why there was none', [
    'source',
    'status',
  ]);
  readonly #leases = this.#gauge('held_partitions', 'Partitions that this relay delivers', ['source']);
  readonly #paused = this.#gauge('paused', 'Whether a source is paused because a setting is wrong', [
    'source',
  ]);
  readonly #engineUp = this.#gauge('engine_up', 'Whether the engine answers');
  readonly #waiting = this.#gauge('backlog_events', 'Events that wait to be delivered', ['source']);
  readonly #bytes = this.#gauge('backlog_bytes', 'Bytes of these events and of dead letters', ['source']);
  readonly #age = this.#gauge('backlog_oldest_seconds', 'Age of the oldest event that waits', ['source']);
  readonly #letters = this.#gauge('dead_letters', 'Dead letters', ['source']);
  readonly #lettersRefused = this.#gauge(
    'dead_letters_refused',
    'Dead letters not kept, as there were too many',
    ['source'],
  );
  readonly #holder = this.#gauge('lease_holder', 'Which relay delivers a partition', [
    'source',
    'partition',
    'relay',
  ]);

  constructor(
    engine: Engine,
    sources: readonly Source[],
    log: { warn(facts: object, message: string): void },
  ) {
    this.#engine = engine;
    this.#sources = sources;
    this.#log = log;
    collectDefaultMetrics({ register: this.#registry });
    // From the start, so that a rate over them includes the first event.
    for (const { name: source } of sources) {
      for (const counter of [this.#ingested, this.#delivered]) counter.inc({ source }, 0);
      for (const gauge of [this.#leases, this.#paused]) gauge.set({ source }, 0);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns all metrics as text. Those that need the engine are left out if it doesn't answer. */
  async text(): Promise<string> {
    const backlogs = await this.#readBacklogs();
    // Without a pause in between, so that two scrapes at a time don't mix.
    for (const gauge of [
      this.#waiting,
      this.#bytes,
      this.#age,
      this.#letters,
      this.#lettersRefused,
      this.#holder,
    ])
      gauge.reset();
    this.#engineUp.set(backlogs === undefined ? 0 : 1);
    for (const each of backlogs ?? []) this.#setBacklog(each);
    return this.#registry.metrics();
  }

  onReply(status: number, seconds: number): void {
    this.#replies.observe({ status }, seconds);
  }

  onIngested(source: string, events: number): void {
    this.#ingested.inc({ source }, events);
  }

  onFaults(source: string, code: string, events: number): void {
    this.#faults.inc({ source, code }, events);
  }

  onRefused(source: string, reason: string): void {
    this.#refused.inc({ source, reason });
  }

  onDelivered(source: string, events: number): void {
    this.#delivered.inc({ source }, events);
  }

  onDeadLetters(source: string, code: string, events: number): void {
    this.#dead.inc({ source, code }, events);
  }

  onRequest(source: string, status: number | string): void {
    this.#responses.inc({ source, status });
  }

  onLeases(source: string, partitions: number): void {
    this.#leases.set({ source }, partitions);
  }

  onPause(source: string, code: string | undefined): void {
    this.#paused.set({ source }, code === undefined ? 0 : 1);
  }

  async #readBacklogs(): Promise<SourceBacklog[] | undefined> {
    try {
      return await Promise.all(
        this.#sources.map(async ({ name: source }) => ({
          source,
          backlog: await this.#engine.backlog(source),
          holders: await this.#engine.holders(source),
        })),
      );
    } catch (error) {
      this.#log.warn({ err: error }, 'the backlog could not be read for /metrics');
      return undefined;
    }
  }

  #setBacklog({ source, backlog, holders }: SourceBacklog): void {
    const { events, bytes, oldest, deadLetters, deadLettersRefused } = backlog;
    this.#waiting.set({ source }, events);
    this.#bytes.set({ source }, bytes);
    this.#age.set({ source }, oldest === undefined ? 0 : Math.max(0, Date.now() - oldest) / 1000);
    this.#letters.set({ source }, deadLetters);
    this.#lettersRefused.set({ source }, deadLettersRefused);
    for (const [partition, relay] of holders.entries())
      if (relay !== undefined) this.#holder.set({ source, partition, relay }, 1);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.#registry] });
  }

  #histogram(name: string, help: string, labelNames: string[]): Histogram {
    return new Histogram({
      name: PREFIX + name,
      help,
      labelNames,
      buckets: BUCKETS,
      registers: [this.#registry],
    });
  }
}
