// Examines a Redis server: whether it can serve as an engine, and what it can lose. Used by open.ts and the commands.
import type { Redis } from 'ioredis';
import type { Finding } from '../../commands/finding.js';
import { createConnection, placeOf, type RedisAddress } from './connection.js';
import { keysOf } from './keys.js';

/** The first version with exclusive ranges of streams. Valkey reports the version of Redis that it is compatible with. */
const LEAST_VERSION = [6, 2] as const;

/** The settings of the relay that is to use the server. */
export interface Intended {
  readonly partitions: number;
  readonly sources: readonly string[];
}

/** Connects and examines. */
export async function examineRedis(address: RedisAddress, intended?: Intended): Promise<Finding[]> {
  const redis = createConnection(address, 'doctor');
  try {
    const failure = await connect(redis, address);
    if (failure !== undefined) return failure;
    return [...(await examine(redis)), ...(intended === undefined ? [] : await partitions(redis, intended))];
  } finally {
    redis.disconnect();
  }
}

/** Connects once. Returns what is wrong if that fails. */
export async function connect(redis: Redis, { url }: RedisAddress): Promise<[Finding] | undefined> {
  let reason: string | undefined;
  const listen = ({ message }: Error): void => {
    reason ??= message;
  };
  redis.on('error', listen);
  try {
    await redis.connect();
    return undefined;
  } catch (error) {
    redis.disconnect();
    const why = reason || (error instanceof Error && error.message) || 'no answer';
    const remedy = /AUTH|WRONGPASS/.test(why)
      ? 'Set user name and password'
      : 'Check that Redis runs there and can be reached from here';
    return [
      {
        level: 'error',
        message: `Redis at ${placeOf(url)} can't be used: ${why.replace(/\.$/, '')}`,
        remedy,
      },
    ];
  } finally {
    redis.off('error', listen);
  }
}

/** Examines the server of a connection. */
export async function examine(redis: Redis): Promise<Finding[]> {
  const facts = factsIn(await redis.info());
  const setting = await settingsOf(redis);
  return [version(facts), role(facts), appendOnly(facts), sync(facts, setting), eviction(facts)].filter(
    (finding) => finding !== undefined,
  );
}

type Facts = ReadonlyMap<string, string>;

function version(facts: Facts): Finding {
  const found = facts.get('valkey_version') ?? facts.get('redis_version') ?? 'unknown';
  const name = facts.has('valkey_version') ? 'Valkey' : 'Redis';
  const [major = 0, minor = 0] = found.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor))
    return { level: 'ok', message: `${name} ${found}` };
  return {
    level: 'error',
    message: `${name} ${found} is too old`,
    remedy: `Use Redis ${LEAST_VERSION.join('.')} or later, or Valkey`,
  };
}

function role(facts: Facts): Finding | undefined {
  if (facts.get('cluster_enabled') === '1') {
    return {
      level: 'error',
      message: 'This server is a node of a Redis Cluster',
      remedy: 'Use a server without cluster mode',
    };
  }
  if (facts.get('role') === 'master') return undefined;
  return {
    level: 'error',
    message: 'This server is a replica and accepts no events',
    remedy: 'Use the address of the primary',
  };
}

/** A relay with another number of partitions doesn't start, or answers 503. */
async function partitions(redis: Redis, { partitions: wanted, sources }: Intended): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const source of sources) {
    const kept = await redis.get(keysOf(source).partitions);
    if (kept === null || Number(kept) === wanted || (await waitingIn(redis, source, Number(kept))) === 0)
      continue;
    findings.push({
      level: 'error',
      message: `events of source ${source} wait in ${kept} partitions, and --partitions is ${wanted}`,
      remedy: `Pass --partitions ${kept}, or wait until relays with ${kept} have delivered them`,
    });
  }
  return findings;
}

/** How many entries wait. */
async function waitingIn(redis: Redis, source: string, count: number): Promise<number> {
  const streams = keysOf(source).streams(count);
  const lengths = await Promise.all(streams.map((stream) => redis.xlen(stream)));
  return lengths.reduce((total, length) => total + length, 0);
}

function appendOnly(facts: Facts): Finding {
  if (facts.get('aof_enabled') === '1') return { level: 'ok', message: 'appendonly is yes' };
  return {
    level: 'warning',
    message: 'appendonly is no: if Redis ends, all events since its last snapshot are lost',
    remedy: 'Set `appendonly yes` in its configuration',
  };
}

function sync(facts: Facts, setting: Facts | undefined): Finding | undefined {
  if (facts.get('aof_enabled') !== '1') return undefined;
  const found = setting?.get('appendfsync');
  if (found === 'always') return { level: 'ok', message: 'appendfsync is always' };
  const remedy = 'Set `appendfsync always` if none may be lost';
  if (found === undefined) {
    return { level: 'warning', message: "appendfsync can't be read: CONFIG GET is not allowed", remedy };
  }
  const lost = found === 'everysec' ? 'up to 2 s of events' : 'up to 30 s of events, or more';
  return {
    level: 'warning',
    message: `appendfsync is ${found}: if Redis or its machine ends, ${lost} can be lost`,
    remedy,
  };
}

function eviction(facts: Facts): Finding {
  const found = facts.get('maxmemory_policy') ?? 'noeviction';
  if (found === 'noeviction') return { level: 'ok', message: 'maxmemory-policy is noeviction' };
  const lost = found.startsWith('volatile')
    ? 'leases, so that events are sent twice and out of order'
    : 'events that wait';
  return {
    level: 'warning',
    message: `maxmemory-policy is ${found}: when memory is full, Redis deletes ${lost}`,
    remedy: 'Set `maxmemory-policy noeviction`; the relay then answers 503 until there is room',
  };
}

/** Undefined if the user may not read the configuration, as with most hosted servers. */
async function settingsOf(redis: Redis): Promise<Facts | undefined> {
  try {
    const list = (await redis.config('GET', 'appendfsync')) as string[];
    return new Map([['appendfsync', list[1] ?? '']]);
  } catch {
    return undefined;
  }
}

function factsIn(info: string): Facts {
  const lines = info.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
