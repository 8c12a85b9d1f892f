// The relay's server for events, with an engine that takes its time.
import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createFrontDoor } from '../../packages/relay/src/ingest/front-door.js';
import type { Ingest } from '../../packages/relay/src/ingest/ingest.js';
import { KnownSources } from '../../packages/relay/src/ingest/known-sources.js';
import { Health } from '../../packages/relay/src/operations/health.js';
import { sourceFor } from '../../packages/relay/src/source.js';
import { noLog } from '../helpers/drains.js';
import { batchOf, post } from '../helpers/raw-client.js';
import { RELAY_KEY, until } from '../helpers/relay.js';

test('events of clients that have disconnected count as memory until the engine has them', async () => {
  let storing = 0;
  let release = (): void => {};
  const isStored = new Promise<void>((resolve) => {
    release = resolve;
  });
  const accept = async (): Promise<void> => {
    storing++;
    await isStored;
  };
  const app = await createFrontDoor({
    ingest: { accept } as unknown as Ingest,
    sources: new KnownSources([sourceFor(RELAY_KEY)]),
    health: new Health(async () => {}),
    log: noLog,
    listener: { onReply() {} },
    origins: [],
    trustedProxies: 0,
  });
  try {
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const body = gzipSync(JSON.stringify(batchOf(1)));
    const head = [
      'POST /v1/batch HTTP/1.1',
      'host: x',
      `authorization: Basic ${btoa(`${RELAY_KEY}:`)}`,
      'content-encoding: gzip',
      `content-length: ${body.length}`,
    ];
    // All of 64 MiB: 500 KiB for each that is compressed, and 16 KiB beside.
    const sockets = Array.from({ length: 127 }, () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      socket.write(body);
      return socket;
    });
    await until(() => storing === sockets.length);
    for (const socket of sockets) socket.destroy();
    const connections = () =>
      new Promise<number>((resolve) => app.server.getConnections((_, count) => resolve(count)));
    await until(async () => (await connections()) === 0);
    const late = once(AbortSignal.timeout(20_000), 'abort').then(() => ({ status: 0 }));
    expect((await Promise.race([post(url, batchOf(1), { writeKey: RELAY_KEY }), late])).status).toBe(503);
    release();
    await until(async () => (await post(url, batchOf(1), { writeKey: RELAY_KEY })).status === 200);
  } finally {
    release();
    await app.close();
  }
});
