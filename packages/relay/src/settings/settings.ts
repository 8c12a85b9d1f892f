// The settings of a relay, checked, from flags and environment variables. Next: relay.ts.
import { resolve } from 'node:path';
import type { AllowedOrigins } from '@offthread/tracking-api';
import { type Source, sourceFor } from '../source.js';
import { apiUrl } from './api-address.js';
import { type EngineSettings, engineSettings } from './engine-settings.js';
import { Given, SettingsError } from './option.js';
import { parseOrigins, parseProxies } from './origins.js';
import { readBytes } from './secret-file.js';
import { readWriteKeys } from './write-keys.js';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;

/** Settings of the command that runs a relay. */
export interface RelaySettings {
  readonly engine: EngineSettings;
  readonly sources: readonly Source[];
  readonly host: string;
  readonly port: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly origins: AllowedOrigins;
  /** The number of proxies in front of the relay, or their addresses. */
  readonly trustedProxies: number | readonly string[];
  /** Undefined if there is no server for metrics. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** Where batches are posted to. */
  readonly apiUrl: string;
  readonly drain: boolean;
  readonly ingest: boolean;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/**
 * Returns the settings.
 *
 * @throws {SettingsError} that says what is wrong, where it was given, and what to do.
 */
export function resolveSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
): RelaySettings {
  const given = new Given(flags, environment);
  const drain = given.isOn('drain');
  const ingest = given.isOn('ingest');
  if (!drain && !ingest)
    throw new SettingsError('--no-drain and --no-ingest leave nothing to do; pass at most one of them');
  const engine = engineSettings(given);
  if (engine.type === 'disk' && !(drain && ingest)) {
    throw new SettingsError(
      'with --directory one relay does both; --no-drain and --no-ingest need an engine that relays share: pass --redis',
    );
  }
  const metricsPort = given.find('metrics-port');
  const host = given.text('host') ?? '127.0.0.1';
  return {
    engine,
    sources: readWriteKeys(given.text('write-key-file'), environment).map(sourceFor),
    host,
    port: given.number('port', 8080, 0, 65_535),
    tls: tlsFiles(given),
    origins: parseOrigins(given.find('cors-origin')),
    trustedProxies: parseProxies(given.find('trust-proxy')),
    metrics:
      metricsPort === undefined
        ? undefined
        : {
            host: given.text('metrics-host') ?? '127.0.0.1',
            port: given.number('metrics-port', 0, 0, 65_535),
          },
    apiUrl: apiUrl(given),
    drain,
    ingest,
    logLevel: given.choice('log-level', LOG_LEVELS, 'info'),
  };
}

function tlsFiles(given: Given): RelaySettings['tls'] {
  const cert = given.find('tls-cert');
  const key = given.find('tls-key');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new SettingsError('--tls-cert and --tls-key belong together; pass both, or neither for plain HTTP');
  return {
    cert: readBytes(resolve(cert.text), cert.label),
    key: readBytes(resolve(key.text), key.label),
  };
}
