// Callbacks run in the async context of the call they were passed to, and everything else in no context. No request's
// store is kept alive, whether the program loads the SDK at startup or in its first request.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startTrackingApi } from '@offthread/devtools';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';

const MAJOR = Number.parseInt(process.versions.node, 10);

const folder = mkdtempSync(join(tmpdir(), 'offthread-'));
const bundle = join(folder, 'sdk.cjs');
beforeAll(async () => {
  const [entryPoints, outfile] = [[fileURLToPath(import.meta.resolve('@offthread/sdk'))], bundle];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'cjs', logLevel: 'warning' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const USERS = ['alice', 'bob', 'carol'];

test.concurrent.for(['loaded first', 'required', 'imported', 'required from a bundle'])(
  'three users of a Fastify server are kept apart if the SDK is %s',
  {
    timeout: 60_000,
  },
  async (load) => {
    await using api = await startTrackingApi({ in: 'thread' });
    await api.rules([{ match: { eventName: 'Poison' }, behaviour: { type: 'answer', status: 400 } }]);
    const { code, stderr, lines } = await runProgram('three-users.mjs', {
      args: [api.url, load, bundle],
      flags: ['--expose-gc'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { callbacks, refused, onError, channels, alive } = Object(lines[0]);

    expect([...callbacks].sort()).toEqual([
      ...USERS.map((user) => `Ordered by ${user}: ${user}`),
      ...USERS.map((user) => `Poison of ${user}: ${user}`),
    ]);
    expect([...refused].sort()).toEqual([
      ...USERS.map((user) => `Cycle of ${user}: ${user}`),
      ...USERS.map((user) => `Late of ${user}: ${user}`),
    ]);
    const receipts = (await api.events()).filter(({ event }) => event === 'Receipt Sent');
    expect(receipts.map(({ userId, properties }) => [userId, Object(properties).of]).sort()).toEqual(
      USERS.map((user) => [user, user]),
    );

    expect(new Set(onError)).toEqual(
      new Set(['closed: nobody', 'unserializable: nobody', 'rejected: nobody']),
    );
    expect(new Set(channels)).toEqual(new Set(['refused: nobody', 'delivered: nobody', 'failed: nobody']));
    // Before Node.js 24, the loader itself keeps the context in which an ES module was first loaded.
    const isESModule = load === 'required' || load === 'imported';
    const keptByNode = isESModule && MAJOR < 24 ? ['alice'] : [];
    expect(alive, 'users whose store is still alive').toEqual(keptByNode);
  },
);
