// node test/smoke.mjs VERSION: tests the built packages on the Node.js VERSION ("20.19", "24") that runs this file.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { startTrackingApi } from '@offthread/devtools';
import { Analytics } from '@offthread/sdk';

const version = process.argv[2];
assert(
  `${process.versions.node}.`.startsWith(`${version}.`),
  `expected Node ${version}, got ${process.version}`,
);
assert.equal(createRequire(import.meta.url)('@offthread/sdk').Analytics, Analytics);

const api = await startTrackingApi();
const upTo = (length) => Array.from({ length }, (_, index) => index);
const arrived = async (name) => {
  const events = (await api.events()).filter(({ event }) => event === name);
  assert.equal(new Set(events.map(({ messageId }) => messageId)).size, events.length);
  return events.map(({ properties }) => properties.index);
};

const analytics = new Analytics({ writeKey: 'smoke', host: api.url });
for (const index of upTo(1_000)) analytics.track({ userId: 'smoke', event: 'flush', properties: { index } });
const result = analytics.flush();
assert.equal(result.status, 'ok');
assert.equal(result.delivered, 1_000);
assert.deepEqual(await arrived('flush'), upTo(1_000));
await analytics.close();

const program = `
  import { Analytics } from '@offthread/sdk';
  const analytics = new Analytics({ writeKey: 'smoke', host: '${api.url}' });
  for (let index = 0; index < 100; index++)
    analytics.track({ userId: 'smoke', event: 'exit', properties: { index } });
  process.exit(3);
`;
const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
  cwd: import.meta.dirname,
  stdio: 'inherit',
});
assert.deepEqual(await once(child, 'exit'), [3, null]);
assert.deepEqual(await arrived('exit'), upTo(100));

await api.close();
console.log(`Node ${process.version}: 1,000 events by flush(), 100 through process.exit(3), none lost`);
