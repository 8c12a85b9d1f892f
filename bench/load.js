// A rate -> requests at that rate, whatever becomes of the ones before, and how long each took. Used by one scenario.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pace } from './pace.js';

const CONNECTIONS = 50;

/** More than a reply has. */
const READ_BYTES = 4_096;

/** Milliseconds for the replies that are still out at the end. */
const LAST_REPLIES_MS = 500;

/**
 * Sends GET `path` `rate` times a second for `ms` milliseconds, once a millisecond as many as are due. Gives the
 * milliseconds from then to the end of each reply, so that one which had to wait for a connection counts with its wait.
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
 * A connection with one request out at a time. It reads into memory of its own, again and again: otherwise the collector
 * would stop this process, which takes the times, every now and then.
 */
async function openLane(host, port) {
  let length;
  let received = 0;
  let text = '';
  let done;
  const read = (bytes, memory) => {
    received += bytes;
    // All replies are of one length, which the first one tells.
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
