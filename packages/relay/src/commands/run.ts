// `offthread-relay`: runs a relay until SIGTERM or SIGINT. Next: relay.ts.
import type { Command } from 'commander';
import { type Logger, pino } from 'pino';
import { openEngine } from '../engine/open-engine.js';
import { startRelay } from '../relay.js';
import { type RelaySettings, resolveSettings } from '../settings/settings.js';
import { commandNamed, EXIT, exitBy } from './command.js';
import { apiOptions, engineOptions, serverOptions, sourceOptions } from './options.js';

/** Milliseconds to stop in. Kubernetes kills after 30 s. */
const STOP_LIMIT_MS = 25_000;

const EXAMPLES = `
Each option can be set by the environment variable in brackets instead.

Examples:
  $ offthread-relay --write-key-file keys
      Accept events on http://127.0.0.1:8080 and keep them in ./offthread-relay until they are delivered.
      In the program:  new Analytics({ writeKey: '…', host: 'http://127.0.0.1:8080' })

  $ offthread-relay --write-key-file keys --redis redis://localhost:6379 --partitions 4
      The same, on Redis. Any number of these share the work.

SIGTERM and Ctrl-C stop it. What waits stays in the directory or in Redis.
`;

/** The command that runs a relay. */
export function runCommand(): Command {
  const command = commandNamed('offthread-relay').description(
    'Accept events of any Segment client, keep them safe, and deliver them to the Tracking API.',
  );
  sourceOptions(command);
  engineOptions(command);
  apiOptions(command);
  serverOptions(command);
  return command.addHelpText('after', EXAMPLES).action(exitBy(run));
}

async function run(flags: Record<string, unknown>): Promise<number> {
  const settings = resolveSettings(flags, process.env);
  const log = pino({ name: 'offthread-relay', level: settings.logLevel });
  const signals = listenForSignals();
  const engine = await Promise.race([openEngine(settings.engine, settings.sources, log), signals]);
  // It may wait for minutes for another relay's directory.
  if (typeof engine === 'string') process.exit(EXIT.done);
  const relay = await startRelay(settings, engine, log).catch((error: unknown) => {
    throw withRemedy(error, settings);
  });
  log.info(factsOf(settings, relay), 'the relay has started');
  const signal = await signals;
  log.info({ signal }, 'stopping: no more requests are taken');
  limitStop(log);
  await relay.stop();
  log.info('stopped: what waits stays where it is');
  return EXIT.done;
}

/** Resolves with the first signal. A second one ends the process at once. */
function listenForSignals(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

function limitStop(log: Logger): void {
  const timer = setTimeout(() => {
    log.error(`could not stop within ${STOP_LIMIT_MS} ms; nothing that was answered is lost`);
    process.exit(EXIT.failed);
  }, STOP_LIMIT_MS);
  timer.unref();
}

/** What a log may contain: no write key, and no address of Redis, which may contain a password. */
function factsOf(
  { engine, sources, apiUrl, drain, ingest }: RelaySettings,
  { url, metricsUrl }: { readonly url: string | undefined; readonly metricsUrl: string | undefined },
): object {
  return {
    url,
    metricsUrl,
    engine: engine.type,
    ...(engine.type === 'disk' && { directory: engine.directory }),
    partitions: engine.partitions,
    sources: sources.map(({ name }) => name),
    api: apiUrl,
    drain,
    ingest,
  };
}

function withRemedy(error: unknown, { port, metrics }: RelaySettings): unknown {
  const { code, port: taken } = Object(error) as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE') {
    const flag = taken === metrics?.port ? '--metrics-port' : '--port';
    return new Error(`port ${taken} is taken; choose another with ${flag}, or 0 for any`);
  }
  if (code === 'EACCES') return new Error(`port ${port} is not allowed for this user; choose one above 1023`);
  return error;
}
