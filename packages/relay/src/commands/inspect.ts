// What the commands `status` and `dead` look at: the engine, also while relays use it.
import { statSync } from 'node:fs';
import { pino } from 'pino';
import { isLocked } from '../engine/disk/directory-lock.js';
import { DiskView } from '../engine/disk/disk-view.js';
import { openDiskEngine } from '../engine/disk/open.js';
import { requestReplay } from '../engine/disk/replay-request.js';
import type { Backlog, StoredDeadLetter } from '../engine/engine.js';
import { openRedisEngine } from '../engine/redis/open.js';
import { type EngineSettings, engineSettings } from '../settings/engine-settings.js';
import { Given, SettingsError } from '../settings/option.js';
import { hasWriteKeys, readWriteKeys } from '../settings/write-keys.js';
import { sourceFor } from '../source.js';

/** What a command may do to an engine. */
export interface Inspection {
  readonly sources: readonly string[];
  /** Sources that have something in the engine, and whose write key isn't listed. Empty if no keys are given. */
  readonly unlisted: readonly string[];
  backlog(source: string): Promise<Backlog>;
  /** Partitions in which events wait, and which no relay delivers, as far as the engine knows. */
  undelivered(source: string): Promise<readonly number[]>;
  deadLetters(source: string): Promise<readonly StoredDeadLetter[]>;
  /** Stores dead letters as events again. Resolves with how many. */
  replay(source: string, ids: readonly string[]): Promise<number>;
  close(): Promise<void>;
}

/** Opens the engine that the options name. */
export async function inspect(flags: Record<string, unknown>): Promise<Inspection> {
  const given = new Given(flags, process.env);
  const settings = engineSettings(given);
  if (settings.type === 'disk') return inspectDirectory(settings, given);
  const sources = sourceNames(given);
  const { url, password, maxBytes } = settings;
  const engine = await openRedisEngine({
    ...{ url, password, maxBytes, sources, partitions: 'kept', relayId: 'command' },
    log: pino({ level: 'silent' }),
  });
  const stored = await engine.storedSources().catch(async (error: unknown) => {
    await engine.close();
    throw error;
  });
  return {
    sources,
    unlisted: stored.filter((name) => !sources.includes(name)),
    backlog: (source) => engine.backlog(source),
    undelivered: (source) => engine.undelivered(source),
    deadLetters: async (source) => {
      const all: StoredDeadLetter[] = [];
      for (;;) {
        const some = await engine.deadLetters(source, all.at(-1)?.id);
        if (some.length === 0) return all;
        all.push(...some);
      }
    },
    replay: (source, ids) => engine.removeDeadLetters(source, ids),
    close: () => engine.close(),
  };
}

/** The names of the sources whose write keys are given. */
export function sourceNames(given: Given): string[] {
  return readWriteKeys(given.text('write-key-file'), process.env).map((key) => sourceFor(key).name);
}

function inspectDirectory(
  { directory, partitions, maxBytes }: EngineSettings & { readonly type: 'disk' },
  given: Given,
): Inspection {
  const view = new DiskView(directory);
  checkDirectory(directory, view);
  const sources = view.sources();
  const listed = hasWriteKeys(given.text('write-key-file'), process.env) ? sourceNames(given) : sources;
  return {
    sources: sources.filter((name) => listed.includes(name)),
    unlisted: sources.filter((name) => !listed.includes(name)),
    backlog: (source) => view.backlog(source),
    undelivered: async () => [],
    deadLetters: (source) => view.deadLetters(source),
    replay: async (source, ids) => {
      if (await isLocked(directory)) return requestReplay(directory, { source, ids });
      const options = {
        directory,
        partitions: view.partitions(source) ?? partitions,
        maxBytes,
        sources: [source],
      };
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

/** Otherwise a wrong path would look like one where nothing waits. */
function checkDirectory(directory: string, view: DiskView): void {
  const facts = statSync(directory, { throwIfNoEntry: false });
  let wrong: string;
  if (facts === undefined) wrong = `there is no directory ${directory}`;
  else if (!facts.isDirectory()) wrong = `${directory} is not a directory`;
  else if (!view.isThere()) wrong = `${directory} is not the directory of a relay: it has no relay.json`;
  else return;
  throw new SettingsError(`${wrong}; pass the --directory of the relay, or its --redis`);
}
