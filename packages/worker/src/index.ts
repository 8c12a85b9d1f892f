// The entry point of the worker thread. It runs one task, receives what main posts on the port, and connects port ->
// queue -> delivery -> port for each client.
//
//   asleep -> awake      main hands a slab over
//   awake -> asleep      the last look found nothing to do, and all slabs are retired
//
// Main posts nothing for a frame that fits into an open slab, so this thread looks for frames while it has one. Before
// it sleeps it retires all slabs, which fails for a slab with frames that it hasn't seen.
//
// Nothing in this thread may write to the console: that goes through the main thread, which may be blocked in a flush
// and waiting for this thread. Code is loaded with this file, or, if only some clients need it, when such a client
// opens.

// First, because it reports errors that occur while the rest is loaded.
import './lifecycle.js';
import './build-check.js';

import type { MessagePort } from 'node:worker_threads';
import { isProgressWanted, signalLife, useHealth, writeClock } from './heartbeat.js';
import { HostEnd } from './host-end.js';
import { applyNetworkDefaults } from './http/apply-network-defaults.js';
import { renewConnections } from './http/connections.js';
import { type ClientHost, type OpenClient, openClient } from './open-client.js';
import { BEAT_INTERVAL_MS, type StartMessage, type ToMain, type ToWorker } from './protocol.js';

/** Milliseconds between two looks for frames to write to disk: SIGKILL can lose the events of this time. */
const SPOOL_LOOK_MS = 10;

/** Heartbeats between two looks for frames: 200 ms, the same interval as between requests. */
const BEATS_PER_LOOK = 2;

/**
 * Looks without work, a second in all, after which a client's slab is retired even if this thread stays awake. With a
 * shorter time, a client with occasional events posts each of them. With a longer time, thousands of briefly used
 * clients hold a slab each.
 */
const QUIET_LOOKS = 5;

const clients = new Map<number, OpenClient>();
/** Messages for clients whose spool is being loaded. */
const loading = new Map<number, ToWorker[]>();
/** Clients with a slab, or with work to do. */
const active = new Set<OpenClient>();
let heartbeat: NodeJS.Timeout | undefined;
let beats = 0;
/** The timer that looks for frames of clients with a spool. It fires often. */
let spoolLooks: NodeJS.Timeout | undefined;
/** Whether events were delivered that no message to main has reported yet. */
let hasProgress = false;
let hostEnd: HostEnd | undefined;
/** The port, if main wants a tick with each beat. */
let ticked: MessagePort | undefined;

/**
 * Starts the service; everything else arrives by the port. The task is short because a pending task keeps the process
 * alive.
 */
export function start({ port, health: memory, ticks, hostThread }: StartMessage): void {
  useHealth(memory);
  if (hostThread !== undefined) {
    hostEnd = new HostEnd(hostThread, () => {
      for (const { delivery } of clients.values()) delivery.flush();
    });
  }
  if (ticks) ticked = port;
  const host: ClientHost = {
    port,
    onDelivered() {
      hasProgress = true;
    },
    keepAwake: (client) => keepAwake(client, port),
  };
  signalLife();
  port.on('message', (messages: readonly ToWorker[]) => {
    const woken = new Set<OpenClient>();
    for (const message of messages) {
      signalLife();
      handleMessage(message, host, woken);
    }
    // Only after all messages, so that a batch can contain frames of several slabs.
    for (const { delivery } of woken) delivery.wake();
  });
}

/** @param woken receives the clients that have more frames. */
function handleMessage(message: ToWorker, host: ClientHost, woken: Set<OpenClient>): void {
  const client = clients.get(message.client);
  const later = loading.get(message.client);
  if (later !== undefined) {
    later.push(message);
    return;
  }
  switch (message.type) {
    case 'open':
      if (message.network !== undefined) {
        applyNetworkDefaults(message.network);
        renewConnections();
      }
      if (message.settings.spool === undefined) clients.set(message.client, openClient(message, host));
      else openWithSpool(message, host);
      break;
    case 'slab':
      if (client === undefined) break;
      client.slabs.push(message);
      // Otherwise it looks every few milliseconds.
      if (!active.has(client)) client.spool?.look();
      host.keepAwake(client);
      woken.add(client);
      break;
    case 'store':
      client?.spool?.store(message.id);
      break;
    case 'flush':
      if (client === undefined) break;
      client.isFlushed = true;
      client.delivery.flush();
      client.progress.repost();
      break;
    case 'close':
      if (client === undefined) break;
      client.delivery.close();
      client.recovery?.close();
      client.spool?.close();
      client.gone.abort();
      clients.delete(message.client);
      active.delete(client);
      break;
    default:
      message satisfies never;
  }
}

/** Opens a client with a spool. Loads the code of the spool only now, because most clients don't need it. */
function openWithSpool(message: ToWorker & { type: 'open' }, host: ClientHost): void {
  const later: ToWorker[] = [];
  loading.set(message.client, later);
  void import('./spool/spool.js').then((modules) => {
    loading.delete(message.client);
    clients.set(message.client, openClient(message, host, modules));
    const woken = new Set<OpenClient>();
    for (const each of later) handleMessage(each, host, woken);
    for (const { delivery } of woken) delivery.wake();
  });
}

/** Keeps this thread awake, because the client has work to do. */
function keepAwake(client: OpenClient, port: MessagePort): void {
  client.quietLooks = 0;
  active.add(client);
  startHeartbeat(port);
  if (client.spool === undefined || spoolLooks !== undefined) return;
  spoolLooks = setInterval(() => {
    // Only writes to disk and sends nothing, so that the interval between requests stays the same.
    for (const each of active) if (each.spool?.look()) each.hadFrames = true;
  }, SPOOL_LOOK_MS);
}

function startHeartbeat(port: MessagePort): void {
  if (heartbeat !== undefined) return;
  beats = 0;
  heartbeat = setInterval(() => {
    signalLife();
    writeClock();
    hostEnd?.beat();
    ticked?.postMessage({ type: 'tick' } satisfies ToMain);
    beats++;
    if (beats % BEATS_PER_LOOK === 0) look(port);
  }, BEAT_INTERVAL_MS);
}

/** Looks for frames of all clients. If there is no work at all, this thread sleeps until main posts a slab. */
function look(port: MessagePort): void {
  let isQuiet = true;
  for (const client of active) {
    const hasMore = client.delivery.look() || client.hadFrames;
    client.hadFrames = false;
    const isBusy = client.delivery.busy || client.recovery?.busy === true;
    client.quietLooks = hasMore || isBusy ? 0 : client.quietLooks + 1;
    if (client.quietLooks === 0) isQuiet = false;
  }
  const most = isQuiet ? 0 : QUIET_LOOKS;
  let hasRetired = false;
  for (const client of active) {
    if (client.quietLooks <= most) continue;
    if (client.slabs.retire()) {
      client.spool?.rest();
      active.delete(client);
      hasRetired = true;
    } else client.delivery.look();
  }
  if (hasRetired || (hasProgress && isProgressWanted())) {
    hasProgress = false;
    port.postMessage({ type: 'progress' } satisfies ToMain);
  }
  if (active.size > 0) return;
  clearInterval(spoolLooks);
  spoolLooks = undefined;
  clearInterval(heartbeat);
  heartbeat = undefined;
}
