// The settings of the engine: a directory, or Redis.
import { resolve } from 'node:path';
import { type Given, SettingsError, variableOf } from './option.js';
import { readSecret } from './secret-file.js';

const GIBIBYTE = 1024 ** 3;

/** The largest request must fit. */
const LEAST_BYTES = 16 * 1024 ** 2;

const MOST_PARTITIONS = 256;

/** Where events are kept. */
export type EngineSettings = {
  /** Partitions of each source. */
  readonly partitions: number;
  /** Most bytes that wait for one source, dead letters included. */
  readonly maxBytes: number;
} & (
  | { readonly type: 'disk'; readonly directory: string }
  | {
      readonly type: 'redis';
      readonly url: string;
      readonly password: string | undefined;
      /** Replicas that must have an event before it is answered. */
      readonly waitReplicas: number;
    }
);

export function engineSettings(given: Given): EngineSettings {
  const redis = given.find('redis');
  const directory = given.find('directory');
  if (redis !== undefined && directory !== undefined)
    throw new SettingsError(`${redis.label} and ${directory.label} are two engines; pass one of them`);
  const common = {
    partitions: given.number('partitions', 1, 1, MOST_PARTITIONS),
    maxBytes: given.bytes('max-bytes', GIBIBYTE, LEAST_BYTES),
  };
  if (redis === undefined) {
    for (const flag of ['wait-replicas', 'redis-password-file']) {
      const other = given.find(flag);
      if (other !== undefined) throw new SettingsError(`${other.label} is for Redis; pass --redis too`);
    }
    const path = resolve(directory?.text ?? 'offthread-relay');
    return { type: 'disk', directory: path, ...common };
  }
  return {
    type: 'redis',
    url: redisUrl(redis),
    password: redisPassword(given),
    waitReplicas: given.number('wait-replicas', 0, 0, 16),
    ...common,
  };
}

function redisUrl({ text, label, isFlag }: NonNullable<ReturnType<Given['find']>>): string {
  const expected = `${label} must be a URL like redis://localhost:6379, or rediss:// for TLS`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new SettingsError(expected);
  }
  if ((url.protocol !== 'redis:' && url.protocol !== 'rediss:') || url.hostname === '')
    throw new SettingsError(expected);
  // ioredis takes all of its options from there, also a password, and those that keep events safe.
  if (url.search !== '' || url.hash !== '')
    throw new SettingsError(
      `${label} must be a URL without a query or fragment, like redis://localhost:6379`,
    );
  if (url.password !== '' && isFlag) {
    throw new SettingsError(
      `--redis must not contain a password, because other users see it in \`ps\`; set ${variableOf('redis')}, or pass --redis-password-file`,
    );
  }
  return text;
}

function redisPassword(given: Given): string | undefined {
  const file = given.find('redis-password-file');
  if (file === undefined) return undefined;
  const password = readSecret(resolve(file.text), file.label).replace(/\r?\n$/, '');
  if (password === '')
    throw new SettingsError(`${file.label} ${file.text} is empty; put the password into it`);
  return password;
}
