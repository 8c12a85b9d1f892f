// Sends requests at a fixed rate, whether or not earlier ones have been answered, and measures their latency. Used by
// one scenario.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pace } from './pace.js';

const CONNECTIONS = 50;

/** More bytes than a reply has. */
const READ_BYTES = 4_096;

/** Milliseconds to wait for outstanding replies at the end. */
const LAST_REPLIES_MS = 500;

/**
 * Sends GET `path` `rate` times a second for `ms` milliseconds; every millisecond, all due requests are sent. Returns
 * the milliseconds from the due time to the end of each reply, so that waiting for a connection counts.
 */
export async function sendAtRate(url, path, rate, ms) {
  const { hostname, port, host } = new URL(url);
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  const free = [];
  const due = [];
  const took = [];
  const lanes = await Promise.all(Array.from({ length: CONNECTIONS }, () => openLane(hostname, port)));
  for (const lane of lanes) free.push(lane);

  const send = (lane, since) => {
    lane.write(request, () => {
      took.push(performance.now() - since);
      const next = due.shift();
      if (next === undefined) free.push(lane);
      else send(lane, next);
    });
  };

  await pace(rate, ms, 0, () => {
    const now = performance.now();
    const lane = free.pop();
    if (lane === undefined) due.push(now);
    else send(lane, now);
  });
  await delay(LAST_REPLIES_MS);
  for (const lane of lanes) lane.end();
  return took;
}

/**
 * A connection with one request in flight at a time. It reuses its read buffer, because garbage collection would pause
 * this process, which measures the times.
 */
async function openLane(host, port) {
  let length;
  let received = 0;
  let text = '';
  let done;
  const read = (bytes, memory) => {
    received += bytes;
    // All replies have the same length, taken from the first one.
    if (length === undefined) {
      text += memory.latin1Slice(0, bytes);
      length = lengthOf(text);
    }
    if (received !== length) return;
    received = 0;
    done();
  };
  const onread = { buffer: Buffer.alloc(READ_BYTES), callback: read };
  const socket = connect({ host, port: Number(port), noDelay: true, onread });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => {});
  return {
    write(request, whenDone) {
      done = whenDone;
      socket.write(request);
    },
    end: () => socket.destroy(),
  };
}

function lengthOf(text) {
  const body = text.indexOf('\r\n\r\n') + 4;
  const declared = /content-length: (\d+)/i.exec(text);
  return body < 4 || declared === null ? undefined : body + Number(declared[1]);
}
