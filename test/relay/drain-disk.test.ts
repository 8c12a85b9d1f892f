import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe } from 'vitest';
import { openDiskEngine } from '../../packages/relay/src/engine/disk/open.js';
import { drainCases } from '../helpers/drain-cases.js';
import { noLog, SOURCE, withDrains } from '../helpers/drains.js';

const directories: string[] = [];
// Registered before the hook that closes the engines, which runs first.
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});
const relay = withDrains();

describe('Drain on a directory', () => {
  drainCases(relay, async () => {
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
  });
});
