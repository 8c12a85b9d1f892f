// The options of the commands, with their help. settings/ reads their values, from flags and from the environment.
import { type Command, Option } from 'commander';
import { variableOf } from '../settings/option.js';

/** Adds the options that say where events are kept. */
export function engineOptions(command: Command): Command {
  return command
    .addOption(described('--directory <path>', 'keep events in this directory (default: ./offthread-relay)'))
    .addOption(
      described(
        '--redis <url>',
        'keep events in Redis, for several relays: redis://host:6379, rediss://host',
      ),
    )
    .addOption(described('--redis-password-file <file>', 'file with the password of Redis'))
    .addOption(
      described(
        '--partitions <number>',
        'partitions of each source, each delivered by one relay (default: 1)',
      ),
    )
    .addOption(
      described(
        '--max-bytes <bytes>',
        'most bytes that wait for one source, like 1073741824 or 4GiB (default: 1GiB)',
      ),
    )
    .addOption(
      described(
        '--wait-replicas <number>',
        'with Redis: replicas that must have an event before it is answered',
      ),
    );
}

/** Adds the option that says whose events they are. */
export function sourceOptions(command: Command): Command {
  return command.addOption(
    described(
      '--write-key-file <file>',
      'file with a write key on each line; or set OFFTHREAD_RELAY_WRITE_KEYS',
    ),
  );
}

/** Adds the options that say where events are delivered to. */
export function apiOptions(command: Command): Command {
  return command
    .addOption(described('--api-host <url>', 'address of the Tracking API (default: the host of the region)'))
    .addOption(described('--region <region>', 'where the workspace lives: us or eu (default: us)'))
    .addOption(described('--allow-insecure-api', 'allow plain http: to the API beyond this machine'));
}

/** Adds the options of a relay's own servers. */
export function serverOptions(command: Command): Command {
  return command
    .addOption(described('--port <number>', 'port to accept events on; 0 for any (default: 8080)'))
    .addOption(described('--host <address>', 'address to accept events on (default: 127.0.0.1)'))
    .addOption(described('--tls-cert <file>', 'certificate to serve https with, in PEM'))
    .addOption(described('--tls-key <file>', 'its private key, in PEM'))
    .addOption(
      described(
        '--cors-origin <origins>',
        'origins whose web pages may send events, separated by commas; * for all',
      ),
    )
    .addOption(
      described(
        '--trust-proxy <proxies>',
        'number of proxies in front of the relay, or their addresses, separated by commas',
      ),
    )
    .addOption(described('--metrics-port <number>', 'port of /metrics (default: none)'))
    .addOption(described('--metrics-host <address>', 'address of that port (default: 127.0.0.1)'))
    .addOption(described('--no-drain', 'only accept events; other relays deliver them'))
    .addOption(described('--no-ingest', 'only deliver events; other relays accept them'))
    .addOption(described('--log-level <level>', 'fatal, error, warn, info, debug or silent (default: info)'));
}

/** Names the variable beside the flag. Has no parser: commander would print a value that it can't parse. */
function described(flags: string, description: string): Option {
  const [, negation, name = ''] = /^--(no-)?([\w-]+)/.exec(flags) ?? [];
  const variable = variableOf(name);
  return new Option(flags, `${description} [${variable}${negation === undefined ? '' : '=false'}]`);
}
