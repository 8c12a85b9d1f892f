// What the commands `status` and `dead` look at: the engine, also while relays use it.
import { pino } from 'pino';
import { isLocked } from '../engine/disk/directory-lock.js';
import { DiskView } from '../engine/disk/disk-view.js';
import { openDiskEngine } from '../engine/disk/open.js';
import { requestReplay } from '../engine/disk/replay-request.js';
import type { Backlog, StoredDeadLetter } from '../engine/engine.js';
import { openRedisEngine } from '../engine/redis/open.js';
import { type EngineSettings, engineSettings } from '../settings/engine-settings.js';
import { Given } from '../settings/option.js';
import { readWriteKeys } from '../settings/write-keys.js';
import { sourceFor } from '../source.js';

/** What a command may do to an engine. */
export interface Inspection {
  readonly sources: readonly string[];
  backlog(source: string): Promise<Backlog>;
  deadLetters(source: string): Promise<readonly StoredDeadLetter[]>;
  /** Stores dead letters as events again. Resolves with how many. */
  replay(source: string, ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Opens the engine that the options name. */
export async function inspect(flags: Record<string, unknown>): Promise<Inspection> {
  const given = new Given(flags, process.env);
  const settings = engineSettings(given);
  if (settings.type === 'disk') return inspectDirectory(settings);
  const keys = readWriteKeys(given.text('write-key-file'), process.env);
  const sources = keys.map((key) => sourceFor(key).name);
  const { url, password, maxBytes } = settings;
  const engine = await openRedisEngine({
    ...{ url, password, maxBytes, sources, partitions: 'kept', relayId: 'command' },
    log: pino({ level: 'silent' }),
  });
  return {
    sources,
    backlog: (source) => engine.backlog(source),
    deadLetters: async (source) => {
      const all: StoredDeadLetter[] = [];
      for (;;) {
        const some = await engine.deadLetters(source, all.at(-1)?.id, 1_000);
        if (some.length === 0) return all;
        all.push(...some);
      }
    },
    replay: (source, ids) => engine.removeDeadLetters(source, ids),
    close: () => engine.close(),
  };
}

function inspectDirectory({
  directory,
  partitions,
  maxBytes,
}: EngineSettings & { readonly type: 'disk' }): Inspection {
  const view = new DiskView(directory);
  return {
    sources: view.sources(),
    backlog: (source) => view.backlog(source),
    deadLetters: (source) => view.deadLetters(source),
    replay: async (source, ids) => {
      if (await isLocked(directory)) return requestReplay(directory, { source, ids });
      const options = { directory, partitions: view.partitions() ?? partitions, maxBytes, sources: [source] };
      const engine = await openDiskEngine({ ...options, relayId: 'command', log: pino({ level: 'silent' }) });
      try {
        return await engine.removeDeadLetters(source, ids);
      } finally {
        await engine.close();
      }
    },
    close: async () => {},
  };
}
