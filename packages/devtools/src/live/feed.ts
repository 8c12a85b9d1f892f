// Streams what the recorder records to every open live page, as server-sent events.
import type { ServerResponse } from 'node:http';
import { eventTexts } from '@offthread/tracking-api';
import type { Entry, RecorderChange } from '../api/recorder.js';
import type { TrackingApiServer } from '../api/server.js';
import type { LiveMessage, LiveRequest, LiveStatus } from './live-message.js';

/** Number of events that a page gets when it opens, and keeps. */
const KEPT_EVENTS = 20_000;

/** Events taken from the recorder at a time. */
const PAGE = 500;

/** A page that is this many bytes behind is disconnected. It reconnects by itself and starts again. */
const MAX_BEHIND = 32 * 1024 * 1024;

/** Milliseconds between two looks at the counters. */
const STATUS_MS = 400;

interface Viewer {
  response: ServerResponse;
  /** Sequence number of the first request that was not sent to it. */
  next: number;
  /** The requests that were sent to it since the last reset. */
  sent: WeakSet<Entry>;
}

/** Sends every open page what happens. Does nothing while no page is open. */
export class Feed {
  #api: TrackingApiServer;
  #viewers = new Set<Viewer>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #status = '';

  constructor(api: TrackingApiServer) {
    this.#api = api;
  }

  /** Streams to a response until its connection ends. */
  open(response: ServerResponse): void {
    const { recorder, settings, url } = this.#api;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const next = recorder.latest(KEPT_EVENTS)[0]?.sequence ?? 1;
    const viewer: Viewer = { response, next, sent: new WeakSet() };
    this.#viewers.add(viewer);
    this.#unsubscribe ??= recorder.watch((change) => this.#onChange(change));
    this.#timer ??= setInterval(() => this.#sendStatus(), STATUS_MS).unref();
    response.on('drain', () => this.#pump(viewer));
    response.once('close', () => this.#leave(viewer));
    send(viewer, { type: 'hello', url, now: Date.now(), record: settings.record, kept: KEPT_EVENTS });
    send(viewer, { type: 'status', status: this.#readStatus() });
    this.#pump(viewer);
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#unsubscribe?.();
    clearInterval(this.#timer);
    this.#unsubscribe = undefined;
    this.#timer = undefined;
  }

  #onChange(change: RecorderChange): void {
    for (const viewer of this.#viewers) {
      if (change.type === 'recorded') this.#pump(viewer);
      else if (change.type === 'reset') {
        viewer.next = 1;
        viewer.sent = new WeakSet();
        send(viewer, change);
      } else if (viewer.sent.has(change.entry)) {
        const { sequence, durationMs, state } = change.entry;
        send(viewer, { type: 'ended', end: { sequence, durationMs, state } });
      }
    }
  }

  /** Sends a viewer what it does not have yet, until its connection is full. The recorder is the only buffer. */
  #pump(viewer: Viewer): void {
    while (!viewer.response.writableNeedDrain && !viewer.response.destroyed) {
      const { entries } = this.#api.recorder.page(viewer.next, PAGE);
      const last = entries.at(-1);
      if (last === undefined) return;
      for (const entry of entries) {
        viewer.sent.add(entry);
        send(viewer, { type: 'request', request: liveRequest(entry) });
      }
      viewer.next = last.sequence + 1;
    }
  }

  #sendStatus(): void {
    const status = this.#readStatus();
    const text = JSON.stringify(status);
    if (text === this.#status) return;
    this.#status = text;
    for (const viewer of this.#viewers) send(viewer, { type: 'status', status });
  }

  #readStatus(): LiveStatus {
    const { maxConcurrentByWriteKey: _, ...counts } = this.#api.counts();
    return { counts, strict: this.#api.settings.strict, ...this.#api.behaviours.planned() };
  }
}

function send({ response }: Viewer, message: LiveMessage): void {
  if (response.writableLength > MAX_BEHIND) response.destroy();
  else response.write(`data: ${JSON.stringify(message)}\n\n`);
}

function liveRequest(entry: Entry): LiveRequest {
  const {
    body,
    route,
    headers,
    writeKey: _,
    connection: __,
    receivedMs: ___,
    messageIds: ____,
    ...rest
  } = entry;
  const retries = Number(headers['x-retry-count'] ?? 0);
  return {
    ...rest,
    userAgent: headers['user-agent']?.toString() ?? null,
    retries: Number.isInteger(retries) ? retries : 0,
    // A body without events may not be JSON.
    events: body === null || route === null || entry.eventCount === 0 ? [] : eventTexts(body, route),
  };
}
