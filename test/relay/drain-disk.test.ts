import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openDiskEngine } from '../../packages/relay/src/engine/disk/open.js';
import type { Engine } from '../../packages/relay/src/engine/engine.js';
import { selfSigned } from '../helpers/certificate.js';
import { drainCases } from '../helpers/drain-cases.js';
import { noLog, SOURCE, store, texts, until, withDrains } from '../helpers/drains.js';

const directories: string[] = [];
// Registered before the hook that closes the engines, which runs first.
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});
const relay = withDrains();

describe('Drain on a directory', () => {
  async function open(): Promise<Engine> {
    const directory = mkdtempSync(join(tmpdir(), 'offthread-drain-'));
    directories.push(directory);
    return relay.keep(
      await openDiskEngine({
        directory,
        partitions: 1,
        maxBytes: 100_000_000,
        sources: [SOURCE.name],
        relayId: 'relay',
        log: noLog,
      }),
    );
  }

  drainCases(relay, open);

  it('pauses the source while the certificate of the API is not trusted', async () => {
    const server = createServer(selfSigned(), (_request, response) => response.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const engine = await open();
    await store(engine, texts('a', 10));
    const url = `https://127.0.0.1:${port}/v1/batch`;
    const { told } = relay.drain(engine, { url, pauseDuration: 50 });
    const pauses = () => told.filter(([what]) => what === 'pause');
    await until('it has tried again', () => pauses().length > 1);
    expect(pauses()[0]).toEqual(['pause', SOURCE.name, 'tls_refused']);
    expect(await engine.backlog(SOURCE.name)).toMatchObject({ events: 10, deadLetters: 0 });
    server.closeAllConnections();
    server.close();
  });
});
