// A local Tracking API and drains of the relay, for the tests in test/relay. Drains and engines are closed after each test.
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import type { Logger } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { Drain, type DrainOptions } from '../../packages/relay/src/drain/drain.js';
import type { Engine, Lease } from '../../packages/relay/src/engine/engine.js';

export const SOURCE = { name: '5ec2e7'.padEnd(32, '0'), writeKey: 'KEY' };

/** A log that nobody reads. */
export const noLog = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;

/** What the listener of a drain was told, in order. */
type Told = readonly [what: string, ...values: unknown[]];

export interface DrainBench {
  readonly api: TrackingApi;
  /** Starts a drain. What its listener is told is added to `told`. */
  drain(engine: Engine, options?: Partial<DrainOptions>): { drain: Drain; told: Told[] };
  /** Has an engine closed after the test. */
  keep<E extends Engine>(engine: E): E;
}

/** Sets up a local Tracking API for a test file. It is reset before each test. */
export function withDrains(): DrainBench {
  let api: TrackingApi | undefined;
  const engines: Engine[] = [];
  const drains: Drain[] = [];
  beforeAll(async () => {
    api = await startTrackingApi();
  });
  beforeEach(() => api?.reset());
  afterEach(async () => {
    await Promise.all(drains.splice(0).map((drain) => drain.stop()));
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
  });
  afterAll(() => api?.close());
  const bench: DrainBench = {
    get api() {
      if (api === undefined) throw new Error('the local Tracking API has not been started yet');
      return api;
    },
    keep(engine) {
      engines.push(engine);
      return engine;
    },
    drain(engine, options = {}) {
      const told: Told[] = [];
      const drain = new Drain({
        engine,
        sources: [SOURCE],
        url: `${bench.api.url}/v1/batch`,
        userAgent: 'offthread-relay/test',
        requestTimeout: 5_000,
        log: noLog,
        listener: {
          onDelivered: (...values) => told.push(['delivered', ...values]),
          onDeadLetters: (...values) => told.push(['dead letters', ...values]),
          onRequest: (...values) => told.push(['request', ...values]),
          onLeases: (...values) => told.push(['leases', ...values]),
          onPause: (...values) => told.push(['pause', ...values]),
        },
        ...options,
      });
      drains.push(drain);
      drain.start();
      return { drain, told };
    },
  };
  return bench;
}

/** The texts of events, with `messageId`s that begin with `name`. */
export function texts(name: string, count: number, fields = ''): string[] {
  return Array.from(
    { length: count },
    (_, index) =>
      `{"type":"track","event":"Ordered","userId":"user","messageId":"${name}-${index}","timestamp":"2026-11-26T12:00:00.000Z"${fields}}`,
  );
}

/** Stores events in one partition. */
export async function store(engine: Engine, events: readonly string[], partition = 0): Promise<void> {
  expect(await engine.append(SOURCE.name, [{ partition, texts: events }])).toEqual({ type: 'stored' });
}

/** Acquires a lease, or fails. */
export async function acquired(engine: Engine, partition = 0): Promise<Lease> {
  const lease = await engine.acquire(SOURCE.name, partition);
  if (lease === undefined) throw new Error(`partition ${partition} is held by another relay`);
  return lease;
}

/** Waits until a condition holds, or fails. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until nothing waits in the engine. */
export function emptied(engine: Engine, timeoutMs?: number): Promise<void> {
  const events = async (): Promise<number> => {
    const backlog = await engine.backlog(SOURCE.name).catch(() => undefined);
    return backlog?.events ?? Number.NaN;
  };
  return until('nothing waits', async () => (await events()) === 0, timeoutMs);
}
