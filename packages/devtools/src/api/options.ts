// The options of the local Tracking API, checked and with their defaults.
import { BATCH_PATHS } from '@offthread/tracking-api';

/** How much of a request is kept: everything, its messageIds, or only the counters. */
export type Recording = 'all' | 'ids' | 'count';

/** Options of the local Tracking API. */
export interface TrackingApiOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** Milliseconds before every reply that has no delay of its own. Default 0. */
  latencyMs?: number;
  /** The write keys that are accepted. Others get a 401. Default: every non-empty key. */
  writeKeys?: string[];
  /** Paths that accept a batch. Default `/v1/batch`, `/v1/import` and `/v1/b`. */
  batchPaths?: string[];
  /**
   * Answer 400 to a request with a fault in one of its events, such as a missing user. Default false: the Tracking API
   * answers 200 and drops the event later, and the record of the request has the fault in `faults`.
   */
  strict?: boolean;
  /** Origins whose web pages may send events, like `https://shop.example.com`. Default `*`: all. */
  origins?: '*' | readonly string[];
  /** Default `all`. */
  record?: Recording;
  /**
   * Count the events of a body by the `"messageId":` in it and don't parse them: no event is refused, no duplicate is
   * noticed, and no id or body is recorded. A body is still parsed if a rule needs its events, if the write key is in
   * it, or if it is compressed. For load tests, where the API must not take CPU time from what is measured. Default
   * false.
   */
  skim?: boolean;
  /** Most events to keep. The oldest are dropped first and counted as `forgotten`. Default 200,000. */
  maxRecorded?: number;
  /** Most bytes of bodies to keep. The oldest are dropped first. Default 512 MiB. */
  maxRecordedBytes?: number;
  /** Serve the live page at `/` of the same port. Its connections are counted as well. Default false. */
  page?: boolean;
  /** Serve https with this key and certificate, as PEM texts. Default: http. */
  tls?: { key: string; cert: string };
}

/** Options with every default in place. */
export type Settings = Required<Omit<TrackingApiOptions, 'batchPaths' | 'writeKeys' | 'tls'>> & {
  batchPaths: readonly string[];
  writeKeys: string[] | undefined;
  tls: { key: string; cert: string } | null;
};

/** Fills in the defaults. Throws a TypeError for a setting of the wrong type. */
export function settingsFrom(options: TrackingApiOptions = {}): Settings {
  const settings: Settings = {
    port: whole(options.port ?? 0, 'port', 65_535),
    host: options.host ?? '127.0.0.1',
    latencyMs: whole(options.latencyMs ?? 0, 'latencyMs'),
    writeKeys: options.writeKeys,
    batchPaths: options.batchPaths ?? BATCH_PATHS,
    strict: options.strict ?? false,
    origins: options.origins ?? '*',
    record: options.record ?? 'all',
    skim: options.skim ?? false,
    maxRecorded: whole(options.maxRecorded ?? 200_000, 'maxRecorded'),
    maxRecordedBytes: whole(options.maxRecordedBytes ?? 512 * 1024 * 1024, 'maxRecordedBytes'),
    page: options.page ?? false,
    tls: options.tls ?? null,
  };
  if (!['all', 'ids', 'count'].includes(settings.record)) {
    throw new TypeError(`record: expected all, ids or count, got ${JSON.stringify(settings.record)}`);
  }
  return settings;
}

function whole(value: number, name: string, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new TypeError(`${name}: expected a whole number from 0 to ${most}, got ${JSON.stringify(value)}`);
}
