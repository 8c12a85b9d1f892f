// Opens the engine that the settings name.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { EngineSettings } from '../settings/engine-settings.js';
import type { Source } from '../source.js';
import { openDiskEngine } from './disk/open.js';
import type { Engine } from './engine.js';
import { openRedisEngine } from './redis/open.js';

/** Opens the engine. Rejects with an error that says what to do. */
export function openEngine(settings: EngineSettings, known: readonly Source[], log: Logger): Promise<Engine> {
  const { partitions, maxBytes } = settings;
  const common = {
    partitions,
    maxBytes,
    sources: known.map(({ name }) => name),
    // Containers may have one host name, and one process id.
    relayId: `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`,
    log,
  };
  if (settings.type === 'disk') return openDiskEngine({ ...common, directory: settings.directory });
  const { url, password, waitReplicas } = settings;
  return openRedisEngine({
    ...common,
    url,
    waitReplicas,
    ...(password !== undefined && { password }),
  });
}
