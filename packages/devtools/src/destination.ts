// The options that say where events go, shared by `send`, `import` and `doctor`.
import type { AnalyticsError, AnalyticsSettings } from '@offthread/sdk';
import { type Command, Option } from 'commander';
import { UsageError } from './usage.js';

/** Options that say where events go. */
export interface DestinationOptions {
  writeKey?: string;
  host?: string;
  region?: 'us' | 'eu';
  path?: string;
  allowInsecureHost?: boolean;
}

/** Adds those options to a command. */
export function destinationOptions(command: Command): Command {
  return (
    command
      // Has no parser of its own. If one fails, commander prints the value that it was given.
      .addOption(
        new Option(
          '-k, --write-key <key>',
          'write key of the source; set the variable instead to keep it out of the process list',
        ).env('OFFTHREAD_WRITE_KEY'),
      )
      .addOption(new Option('--host <url>', 'address of the Tracking API (default: the host of the region)'))
      .addOption(
        new Option('--region <region>', 'where the workspace lives (default: us)')
          .choices(['us', 'eu'])
          .conflicts('host'),
      )
      .addOption(new Option('--path <path>', 'path of the batch endpoint (default: /v1/batch)'))
      .addOption(new Option('--allow-insecure-host', 'allow plain http: beyond this machine'))
  );
}

/** Returns the settings of the SDK, without the write key. */
export function destinationOf({ host, region, path, allowInsecureHost }: DestinationOptions) {
  return { host, region, path, allowInsecureHost } satisfies Omit<AnalyticsSettings, 'writeKey'>;
}

/** Returns the write key. Throws a `UsageError` if there is none. */
export function requiredKey({ writeKey = '' }: DestinationOptions): string {
  if (writeKey.trim() !== '') return writeKey;
  throw new UsageError('no write key: set OFFTHREAD_WRITE_KEY, or pass --write-key');
}

/** Returns advice for an error that isn't about one event; an empty string if there is none. */
export function adviceFor({ code, status }: AnalyticsError): string {
  if (status === 401 || status === 403) return 'Check the write key.';
  if (status === 404) return 'Check --host and --path.';
  if (code === 'redirected') return 'Pass the final address as --host.';
  const unreachable = ['retries_exhausted', 'retry_duration_exceeded', 'tls_refused', 'worker_unavailable'];
  return unreachable.includes(code) ? 'Run `offthread doctor` to find out why.' : '';
}
