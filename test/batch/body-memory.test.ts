// The worker reuses the memory of bodies. No byte of one request may appear in another that is still being uploaded.
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Analytics } from '@offthread/sdk';
import { Queue } from '@offthread/worker/batch/queue';
import { Delivery, type DeliveryListener } from '@offthread/worker/delivery/delivery';
import { FRAME, FRAME_HEADER_BYTES, KIND, SLAB_HEADER_BYTES } from '@offthread/worker/protocol';
import { expect, test } from 'vitest';
import { type RawServer, startRawServer } from '../helpers/raw-server.js';
import { deliverySettings } from '../helpers/sender.js';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
/** A body of 15 events has 450,000 bytes. Memory is reused from 64 KB on. */
const EVENTS = 15;
const PAD_BYTES = 30_000;
const ROUNDS = 25;

/** Text that no other event has. */
function padOf(source: string, n: number): string {
  const piece = `${source}${n}.`;
  return piece.repeat(PAD_BYTES / piece.length + 1).slice(0, PAD_BYTES);
}

function track(source: 'A' | 'B', analytics: Analytics, round: number): void {
  for (let n = round * EVENTS; n < (round + 1) * EVENTS; n++) {
    analytics.track({ userId: 'u', event: 'e', properties: { source, n, pad: padOf(source, n) } });
  }
}

/** A server, and everything it has read from each connection. */
async function readingServer(
  serve: (socket: Socket) => void,
): Promise<RawServer & { texts(): readonly string[] }> {
  const read: Buffer[][] = [];
  const server = await startRawServer((socket, index) => {
    const pieces: Buffer[] = [];
    read[index] = pieces;
    socket.on('data', (piece) => pieces.push(piece));
    serve(socket);
  });
  return Object.assign(server, {
    texts: () => read.map((pieces) => Buffer.concat(pieces).toString('latin1')),
  });
}

/** Replies to each request after reading it. */
function answering(socket: Socket): void {
  let left = 0;
  socket.on('data', (piece: Buffer) => {
    if (left === 0) {
      const head = piece.indexOf('\r\n\r\n') + 4;
      const [, length] = /content-length: (\d+)/i.exec(piece.toString('latin1', 0, head)) ?? [];
      left = head + Number(length);
    }
    left -= piece.length;
    if (left === 0) socket.write(OK);
  });
}

/** Expects that every event in a text is complete and from the source, including one that is cut off at the end. */
function expectOnly(source: 'A' | 'B', text: string): number {
  const events = [...text.matchAll(/"source":"(.)","n":(\d+),"pad":"([^"]*)("?)/g)];
  for (const [, found, n, pad = '', quote] of events) {
    const expected = padOf(source, Number(n));
    expect(found).toBe(source);
    // Not toBe(), which would print both.
    expect(pad === (quote === '' ? expected.slice(0, pad.length) : expected), `event ${n}`).toBe(true);
  }
  // Nothing between the events either.
  expect(text).not.toMatch(source === 'A' ? /B\d+\.B/ : /A\d+\.A/);
  return events.length;
}

// The kernel buffers about 4 MB for a connection on loopback, which is 18 of these requests. So replies keep the
// connection open although nothing is read, until a request is only partly written.
test.each<[string, { answers: number; closes?: boolean; requestTimeout?: number }]>([
  ['gets a reply before it is read', { answers: Number.POSITIVE_INFINITY }],
  ['times out', { answers: 17, requestTimeout: 300 }],
  ['is aborted by close()', { answers: 17, closes: true }],
])('a request that %s contains no byte of another', { timeout: 60_000 }, async (_name, kind) => {
  const { answers, closes, ...settings } = kind;
  await using unread = await readingServer((socket) => socket.pause());
  await using other = await readingServer(answering);
  const common = { maxRetries: 0, onError: () => {} };
  const open = (): Analytics => new Analytics({ writeKey: 'A', host: unread.url, ...common, ...settings });
  const b = new Analytics({ writeKey: 'B', host: other.url, ...common });
  let a = open();
  const answered = new Map<Socket, number>();
  let requests = 0;

  /** Replies to a started request, whatever happened to its body. */
  async function answer(): Promise<void> {
    await delay(5);
    if (a.stats().requests === requests) return;
    requests = a.stats().requests;
    // A reply before the request is written would be garbage on an idle connection.
    await delay(5);
    const socket = unread.sockets.at(-1);
    if (socket === undefined) return;
    const count = (answered.get(socket) ?? 0) + 1;
    answered.set(socket, count);
    if (count <= answers) socket.write(OK);
  }

  for (let round = 0; round < ROUNDS; round++) {
    track('A', a, round);
    let status: string | undefined;
    a.flushAsync(closes ? 500 : 10_000).then((result) => {
      status = result.status;
    });
    while (status === undefined) await answer();
    if (status !== 'ok') {
      await a.close(0);
      a = open();
      requests = 0;
    }
    track('B', b, round);
    expect(await b.flushAsync(10_000)).toMatchObject({ status: 'ok' });
  }
  // Before the clients are closed, because the worker thread ends with the last one, and its uploads too.
  for (const socket of unread.sockets) socket.resume();
  await delay(300);
  await a.close(0);
  await b.close();
  await expect.poll(() => unread.sockets.every(({ closed }) => closed), { timeout: 10_000 }).toBe(true);

  expect(unread.sockets.length).toBeGreaterThan(1);
  for (const text of unread.texts()) expectOnly('A', text);
  const received = other.texts().map((text) => expectOnly('B', text));
  expect(received.reduce((sum, count) => sum + count, 0)).toBe(ROUNDS * EVENTS);
});

// On Linux, nothing reads a body after its connection is destroyed, as it is after each of these. The worker doesn't
// rely on it.
test('the memory of a body is reused only if the network has taken all of it', async () => {
  const responses = [
    { type: 'reply', status: 200, text: '', sent: false },
    { type: 'reply', status: 500, text: '' },
    { type: 'fault', message: 'No answer within 1 ms' },
    { type: 'refused', code: 'tls_refused', message: 'expired' },
    { type: 'reply', status: 200, text: '', sent: true },
  ] as const;
  const requests = 4 * responses.length;
  const batchSize = 4;
  const events = requests * batchSize;
  const memory = new SharedArrayBuffer(SLAB_HEADER_BYTES + events * (FRAME_HEADER_BYTES + PAD_BYTES));
  const slab = Buffer.from(memory, SLAB_HEADER_BYTES);
  for (let n = 0; n < events; n++) {
    const at = n * (FRAME_HEADER_BYTES + PAD_BYTES);
    slab.writeUInt32LE(PAD_BYTES, at + FRAME.LENGTH);
    slab.writeUInt32LE(KIND.whole, at + FRAME.KIND);
    slab.write(padOf('A', n), at + FRAME_HEADER_BYTES, 'latin1');
  }
  const bodies: { readonly body: Buffer; readonly text: string; readonly isSent: boolean }[] = [];
  const queue = new Queue(0, { idPrefix: 'id-', library: '{}' });
  queue.push({ memory, first: 1, end: memory.byteLength });
  await new Promise<void>((resolve) => {
    const observer: DeliveryListener = {
      onOutcome: ({ through }) => through === events && resolve(),
      onBatchStart() {},
      onRequest() {},
      onPostponed() {},
      onRetry() {},
      onRetryAfter() {},
    };
    new Delivery(
      queue,
      { ...deliverySettings, batchSize, maxBatchSize: batchSize },
      async () => ({ type: 'authorized', check: (response) => response }),
      async (body) => {
        const response = responses[bodies.length % responses.length] ?? responses[0];
        bodies.push({ body, text: body.toString('latin1'), isSent: response === responses[4] });
        return response;
      },
      observer,
    ).wake();
  });
  expect(bodies).toHaveLength(requests);
  for (const { body, text, isSent } of bodies) {
    if (!isSent) expect(body.equals(Buffer.from(text, 'latin1'))).toBe(true);
  }
  const sent = bodies.filter(({ isSent }) => isSent).map(({ body }) => body.buffer);
  expect(bodies.filter(({ body }) => sent.includes(body.buffer)).length).toBeGreaterThan(sent.length);
});
