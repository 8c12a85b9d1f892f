// Delivers what the engine has stored: shares the partitions of all sources with the other relays, and delivers those
// that this relay holds. Next: share.ts, partition-drain.ts.
import type { Response } from '@offthread/worker/http/response';
import type { Logger } from 'pino';
import { type Engine, EngineUnavailableError } from '../engine/engine.js';
import type { Source } from '../source.js';
import { Api, type ApiSettings } from './api.js';
import { HeldLease } from './held-lease.js';
import { PartitionDrain, type PartitionListener } from './partition-drain.js';
import { Reports } from './reports.js';
import { SendLimit } from './send-limit.js';
import { type Place, shareOf } from './share.js';

/** Milliseconds between two looks at who holds what. */
const SHARE_MS = 1_000;

/** Milliseconds between two attempts while a setting is wrong. */
const PAUSE_MS = 60_000;

/** Is told what happens, for metrics. */
export interface DrainListener {
  onDelivered(source: string, events: number): void;
  /** Events became dead letters. */
  onDeadLetters(source: string, code: string, events: number): void;
  /** A request has ended: its status, or what has failed. */
  onRequest(source: string, status: number | string): void;
  /** @param partitions the partitions that this relay holds now. */
  onLeases(source: string, partitions: number): void;
  /** A source is paused because a setting is wrong, or goes on (undefined). */
  onPause(source: string, code: string | undefined): void;
}

export interface DrainOptions extends ApiSettings {
  readonly engine: Engine;
  readonly sources: readonly Source[];
  readonly log: Logger;
  readonly listener: DrainListener;
  /** Milliseconds between two attempts while a setting is wrong. Default: 60,000. */
  readonly pauseDuration?: number;
}

/** A source with its API and the partitions that this relay holds. */
interface Active {
  readonly name: string;
  readonly api: Api;
  readonly partitions: Map<number, PartitionDrain>;
  isPaused: boolean;
}

export class Drain {
  readonly #options: DrainOptions;
  readonly #sources: readonly Active[];
  readonly #limit = new SendLimit();
  readonly #reports = new Reports();
  #timer: NodeJS.Timeout | undefined;
  #sharing: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: DrainOptions) {
    const { engine: _, sources, log: __, listener, pauseDuration: ___, ...api } = options;
    this.#options = options;
    this.#sources = sources.map((source) => ({
      name: source.name,
      api: new Api(api, source, (response) => listener.onRequest(source.name, statusOf(response))),
      partitions: new Map(),
      isPaused: false,
    }));
  }

  start(): void {
    this.#share();
  }

  /** Finishes the requests that are out, and gives all partitions back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#sharing;
    const all = this.#sources.flatMap(({ partitions }) => [...partitions.values()]);
    for (const each of all) each.end();
    await Promise.all(all.map(({ ended }) => ended));
    for (const { api } of this.#sources) api.close();
  }

  #share(): void {
    this.#sharing = this.#shareOnce()
      .then(() => {
        if (this.#reports.end('share')) this.#options.log.info('the engine is available again');
      })
      .catch((error: Error) => this.#onFailure(error))
      .finally(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.#share(), SHARE_MS);
      });
  }

  /** Takes partitions that nobody holds, or gives some back if other relays have fewer. */
  async #shareOnce(): Promise<void> {
    const { engine } = this.#options;
    const relays = await engine.heartbeat();
    const holders = await Promise.all(
      this.#sources.map(async ({ name, partitions }) => {
        const all = await engine.holders(name);
        const mine = [...partitions.values()].filter(({ isEnding }) => !isEnding);
        const free = all.flatMap((holder, partition) =>
          holder === undefined && !partitions.has(partition) ? [partition] : [],
        );
        return { source: name, mine: mine.map(({ partition }) => partition), free };
      }),
    );
    const share = shareOf(holders, this.#sources.length * engine.partitions, relays);
    for (const { source, partition } of share.giveBack) this.#find(source)?.partitions.get(partition)?.end();
    for (const place of share.take) {
      if (this.#isStopped) return;
      await this.#take(place);
    }
  }

  async #take({ source: name, partition }: Place): Promise<void> {
    const { engine, log, listener, pauseDuration = PAUSE_MS } = this.#options;
    const source = this.#find(name);
    if (source === undefined) return;
    const since = performance.now();
    const lease = await engine.acquire(name, partition);
    if (lease === undefined) return;
    const held = new HeldLease(engine, lease, since);
    const drain = new PartitionDrain({
      ...{ engine, held, pauseDuration },
      api: source.api,
      limit: this.#limit,
      listener: this.#listenerFor(source),
    });
    source.partitions.set(partition, drain);
    listener.onLeases(name, source.partitions.size);
    void drain.ended.then(() => {
      if (held.lost.aborted) log.warn({ source: name, partition }, 'the lease of a partition was lost');
      source.partitions.delete(partition);
      listener.onLeases(name, source.partitions.size);
    });
  }

  #listenerFor(source: Active): PartitionListener {
    const { log, listener, pauseDuration = PAUSE_MS } = this.#options;
    const { name } = source;
    return {
      onDelivered: (events) => {
        if (source.isPaused) {
          source.isPaused = false;
          this.#reports.end(`pause ${name}`);
          log.info({ source: name }, 'the source is no longer paused');
          listener.onPause(name, undefined);
        }
        listener.onDelivered(name, events);
      },
      onDeadLetters: (code, events) => {
        log.warn({ source: name, code, events }, 'events became dead letters');
        listener.onDeadLetters(name, code, events);
      },
      onPause: (code, message, status) => {
        source.isPaused = true;
        listener.onPause(name, code);
        this.#reports.report(`pause ${name}`, () => {
          const details = { source: name, code, status, reason: message, pauseDuration };
          log.error(details, 'the source is paused; its events wait');
        });
      },
      onFailure: (error) => this.#onFailure(error),
    };
  }

  #onFailure(error: Error): void {
    const { log } = this.#options;
    if (error instanceof EngineUnavailableError) {
      this.#reports.report('share', () => log.error({ reason: error.message }, 'the engine is unavailable'));
    } else
      this.#reports.report('failure', () => log.error({ err: error }, 'the delivery of a partition failed'));
  }

  #find(name: string): Active | undefined {
    return this.#sources.find((source) => source.name === name);
  }
}

/** A status for metrics. There are few of them. */
function statusOf(response: Response): number | string {
  switch (response.type) {
    case 'reply':
      return response.status;
    case 'refused':
      return response.code;
    case 'fault':
      return /^No answer within/.test(response.message) ? 'timeout' : 'unreachable';
    default:
      return response satisfies never;
  }
}
