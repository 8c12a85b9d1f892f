// Streams the recorder's entries to every open live page, as server-sent events.
import type { ServerResponse } from 'node:http';
import { eventTexts } from '@offthread/tracking-api';
import type { Entry } from '../api/entry.js';
import type { RecorderChange } from '../api/recorder.js';
import type { TrackingApiServer } from '../api/server.js';
import type { LiveRequest, LiveStatus } from './live-message.js';
import { maskKeys } from './secrets.js';
import { Viewer } from './viewer.js';

/** Number of events that a page gets at first, and keeps. */
const KEPT_EVENTS = 20_000;

/** Events read from the recorder at a time. */
const PAGE = 500;

/** Maximum number of open pages. The kernel may buffer some megabytes for each. */
const MAX_VIEWERS = 32;

/** Maximum bytes that may wait for all pages together. One message has half a megabyte at most. */
const MAX_BUFFERED = 16 * 1024 * 1024;

/** Milliseconds after which a browser reconnects. Its own default is seconds. */
const RECONNECT_MS = 500;

/** Milliseconds between two checks of the counters. */
const STATUS_MS = 400;

/** Sends events to every open page. Does no work without pages. */
export class Feed {
  #api: TrackingApiServer;
  #viewers = new Set<Viewer>();
  /** Pages whose connections are full, the one that waits longest first. */
  #blocked = new Set<Viewer>();
  /** Requests that were sent to any page since the last reset. A reset restarts the sequence numbers. */
  #sent = new WeakSet<Entry>();
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #status = '';

  constructor(api: TrackingApiServer) {
    this.#api = api;
  }

  /** Streams to a response until its connection ends. */
  open(response: ServerResponse): void {
    const { recorder, settings, url } = this.#api;
    if (this.#viewers.size >= MAX_VIEWERS && !this.#dropLongestBlocked()) {
      response.writeHead(503).end('too many pages are open\n');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(`retry: ${RECONNECT_MS}\n\n`);
    const viewer = new Viewer(response, recorder.latest(KEPT_EVENTS)[0]?.sequence ?? 1);
    this.#viewers.add(viewer);
    this.#unsubscribe ??= recorder.watch((change) => this.#onChange(change));
    this.#timer ??= setInterval(() => this.#tick(), STATUS_MS).unref();
    response.on('drain', () => {
      this.#blocked.delete(viewer);
      this.#pump(viewer);
    });
    response.once('close', () => this.#leave(viewer));
    const { run } = recorder;
    viewer.send({ type: 'hello', run, url, now: Date.now(), record: settings.record, kept: KEPT_EVENTS });
    this.#pump(viewer);
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#blocked.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#unsubscribe?.();
    clearInterval(this.#timer);
    this.#unsubscribe = undefined;
    this.#timer = undefined;
  }

  #onChange(change: RecorderChange): void {
    if (change.type === 'reset') this.#sent = new WeakSet();
    for (const viewer of this.#viewers) {
      if (change.type === 'reset') {
        viewer.next = 1;
        viewer.ended = [];
        viewer.needsReset = true;
        viewer.needsStatus = true;
      } else if (change.type === 'ended') {
        const { entry } = change;
        if (!this.#sent.has(entry) || entry.sequence >= viewer.next) continue;
        viewer.ended.push(entry);
      }
      this.#pump(viewer);
    }
  }

  /** Sends new entries to a viewer until its connection is full. The recorder is the only buffer. */
  #pump(viewer: Viewer): void {
    if (viewer.isReady && viewer.needsReset) {
      viewer.needsReset = false;
      viewer.send({ type: 'reset', run: this.#api.recorder.run });
    }
    if (viewer.isReady && viewer.needsStatus) {
      viewer.needsStatus = false;
      viewer.send({ type: 'status', status: this.#readStatus() });
    }
    for (let entry = viewer.ended[0]; entry !== undefined && viewer.isReady; entry = viewer.ended[0]) {
      viewer.ended.shift();
      const { sequence, durationMs, state } = entry;
      viewer.send({ type: 'ended', end: { sequence, durationMs, state } });
    }
    while (viewer.isReady) {
      const { entries } = this.#api.recorder.page(viewer.next, PAGE);
      if (entries.length === 0) break;
      for (const entry of entries) {
        this.#sent.add(entry);
        viewer.next = entry.sequence + 1;
        viewer.send({ type: 'request', request: liveRequest(entry) });
        if (!viewer.isReady) break;
      }
    }
    if (viewer.isBlocked && !this.#blocked.has(viewer)) {
      this.#blocked.add(viewer);
      this.#limitBuffers();
    }
  }

  #limitBuffers(): void {
    let buffered = 0;
    for (const viewer of this.#blocked) buffered += viewer.buffered;
    for (const viewer of this.#blocked) {
      if (buffered <= MAX_BUFFERED) return;
      buffered -= viewer.buffered;
      this.#drop(viewer);
    }
  }

  #dropLongestBlocked(): boolean {
    for (const viewer of this.#blocked) {
      this.#drop(viewer);
      return true;
    }
    return false;
  }

  #drop(viewer: Viewer): void {
    viewer.drop();
    this.#leave(viewer);
  }

  #tick(): void {
    const now = performance.now();
    for (const viewer of this.#blocked) if (viewer.isStalled(now)) this.#drop(viewer);
    const text = JSON.stringify(this.#readStatus());
    if (text === this.#status) return;
    this.#status = text;
    for (const viewer of this.#viewers) {
      viewer.needsStatus = true;
      this.#pump(viewer);
    }
  }

  #readStatus(): LiveStatus {
    const { maxConcurrentByWriteKey: _, ...counts } = this.#api.counts();
    return { counts, strict: this.#api.settings.strict, ...this.#api.behaviours.planned() };
  }
}

function liveRequest(entry: Entry): LiveRequest {
  const {
    headers,
    writeKey,
    body: _,
    route: __,
    reply: ___,
    connection: ____,
    receivedMs: _____,
    messageIds: ______,
    query: _______,
    ...rest
  } = entry;
  const retries = Number(headers['x-retry-count'] ?? 0);
  return {
    ...rest,
    retries: Number.isInteger(retries) ? retries : 0,
    events: textsIn(entry).map((text) => maskKeys(text, writeKey)),
  };
}

/** A body without events may not be JSON. */
function textsIn({ body, route, eventCount }: Entry): string[] {
  return body === null || route === null || eventCount === 0 ? [] : eventTexts(body, route);
}
