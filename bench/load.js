// A rate -> requests at that rate, whatever becomes of the ones before, and how long each took. Used by one scenario.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pace } from './pace.js';

const CONNECTIONS = 50;

/** Milliseconds for the replies that are still out at the end. */
const LAST_REPLIES_MS = 500;

/**
 * Sends GET `path` `rate` times a second for `ms` milliseconds, once a millisecond as many as are due. Gives the
 * milliseconds from then to the end of each reply, so that one which had to wait for a connection counts with its wait.
 */
export async function sendAtRate(url, path, rate, ms) {
  const { hostname, port, host } = new URL(url);
  const request = `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
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

/** A connection with one request out at a time. */
async function openLane(host, port) {
  const socket = connect({ host, port: Number(port), noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', () => {});
  let length;
  let received = 0;
  let text = '';
  let done;
  socket.on('data', (piece) => {
    received += piece.length;
    // All replies are of one length, which the first one tells.
    if (length === undefined) {
      text += piece.toString('latin1');
      length = lengthOf(text);
    }
    if (received !== length) return;
    received = 0;
    done();
  });
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
