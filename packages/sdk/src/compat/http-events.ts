// Tells which requests were made, for the listeners of `http_request` and `http_response`. Used by analytics-node.ts.
//
// Requests are made by the worker thread. What is known here is published on diagnostics channels: which events were
// delivered, failed or are sent again. From that and from the events themselves, this builds what analytics-node emits,
// when a request is over.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { STATUS_CODES } from 'node:http';
import type { AnalyticsError } from '../errors.js';
import { version } from '../version.js';
import type { EmitterEvents } from './emitter.js';
import type { Context } from './event-context.js';

/** The events of a client, oldest first. */
interface Source {
  /** Accepted and not settled. */
  readonly pending: Iterable<Context>;
  /** Settled since the last call of `onSettled`. */
  takeSettled(): readonly Context[];
}

interface Emitted {
  request(request: EmitterEvents['http_request'][0]): void;
  response(response: EmitterEvents['http_response'][0]): void;
}

/** Starts to emit what the client requests. Returns a function that stops it. */
export function watchRequests(
  client: object,
  endpoint: { readonly url: string; readonly writeKey: string },
  source: Source,
  emitted: Emitted,
): () => void {
  const { url, writeKey } = endpoint;
  /** Requests emitted for the oldest batch so far. */
  let requests = 0;

  const request = (contexts: readonly Context[]): void => {
    requests++;
    const batch = contexts.flatMap(({ event }) => textOf(event) ?? []).join();
    const rest = JSON.stringify({ writeKey, sentAt: new Date() }).slice(1);
    const body = `{"batch":[${batch}],${rest}`;
    const headers = { 'Content-Type': 'application/json', 'User-Agent': `offthread/${version}` };
    emitted.request({ url, method: 'POST', headers, body });
  };
  const response = (status: number | undefined): void => {
    if (status === undefined) return;
    emitted.response({ status, statusText: STATUS_CODES[status] ?? '', url, body: '', headers: {} });
  };
  const stops: (() => void)[] = [];
  const listen = (channel: string, run: (message: Message) => void): void => {
    const listener = (published: unknown): void => {
      const message = Object(published);
      if (message.analytics === client) run(message);
    };
    subscribe(channel, listener);
    stops.push(() => unsubscribe(channel, listener));
  };

  /** Emits those of the first `attempts` requests that weren't. Counted before, because listeners may track events. */
  const catchUp = (contexts: readonly Context[], attempts = 0): void => {
    for (let missing = attempts - requests; missing > 0; missing--) request(contexts);
  };
  listen('offthread:retried', ({ count, attempts, status }) => {
    const contexts = take(source.pending, count);
    catchUp(contexts, attempts);
    response(status);
    request(contexts);
  });
  listen('offthread:delivered', () => {
    const contexts = source.takeSettled();
    if (requests === 0) request(contexts);
    response(200);
    requests = 0;
  });
  listen('offthread:failed', ({ error }) => {
    const contexts = source.takeSettled();
    catchUp(contexts, error?.attempts);
    response(error?.status);
    requests = 0;
  });
  for (const channel of ['offthread:dropped', 'offthread:left']) {
    listen(channel, ({ error }) => {
      if (isDroppedAtCall(error)) return;
      source.takeSettled();
      requests = 0;
    });
  }
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}

/** What the messages of the channels have in common. */
interface Message {
  readonly count: number;
  readonly attempts?: number;
  readonly status?: number;
  readonly error?: AnalyticsError;
}

/** Whether `beforeSend` dropped it. Such an event was never in a request. */
export function isDroppedAtCall(error: AnalyticsError | undefined): boolean {
  return error?.code === 'before_send' || error?.code === 'before_send_failed';
}

/**
 * An event as JSON, or undefined if the caller has changed it since so that it can't be written. A subscriber of a
 * channel that throws would end the process.
 */
function textOf(event: object): string | undefined {
  try {
    return JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  } catch {
    return undefined;
  }
}

function take(contexts: Iterable<Context>, count: number): Context[] {
  const taken: Context[] = [];
  for (const ctx of contexts) {
    if (taken.length === count) break;
    taken.push(ctx);
  }
  return taken;
}
