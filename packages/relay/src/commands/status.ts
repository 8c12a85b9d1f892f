// `offthread-relay status`: what waits in the engine.
import type { Command } from 'commander';
import type { Backlog } from '../engine/engine.js';
import { commandNamed, EXIT, exitBy, print } from './command.js';
import { inspect } from './inspect.js';
import { engineOptions, sourceOptions } from './options.js';

const UNLISTED = 'not delivered by relays with these write keys, because its own is not among them';

/** The command `status`. */
export function statusCommand(): Command {
  const command = commandNamed('offthread-relay status').description(
    'Say what waits to be delivered, for each source.',
  );
  return engineOptions(sourceOptions(command))
    .option('--json', 'print a JSON object for each source')
    .action(exitBy(status));
}

async function status({ json, ...flags }: Record<string, unknown>): Promise<number> {
  const inspection = await inspect(flags);
  try {
    const { sources, unlisted } = inspection;
    const describe = json === true ? toJson : toText;
    for (const source of sources) {
      const [backlog, undelivered] = await Promise.all([
        inspection.backlog(source),
        inspection.undelivered(source),
      ]);
      print(describe({ source, isListed: true, backlog, undelivered }));
    }
    for (const source of unlisted) {
      const backlog = await inspection.backlog(source);
      // What it had is delivered, and nobody needs to know of it.
      if (backlog.events > 0 || backlog.deadLetters > 0)
        print(describe({ source, isListed: false, backlog, undelivered: [] }));
    }
    if (sources.length + unlisted.length === 0) print('Nothing has been stored.');
  } finally {
    await inspection.close();
  }
  return EXIT.done;
}

interface SourceStatus {
  readonly source: string;
  readonly isListed: boolean;
  readonly backlog: Backlog;
  readonly undelivered: readonly number[];
}

function toJson({ source, isListed, backlog, undelivered }: SourceStatus): string {
  return JSON.stringify({
    source,
    ...(!isListed && { isListed }),
    ...backlog,
    ...(undelivered.length > 0 && { undelivered }),
  });
}

function toText({ source, isListed, backlog, undelivered }: SourceStatus): string {
  const { events, bytes, oldest, deadLetters, deadLettersRefused } = backlog;
  const facts = [
    counted(events, 'event'),
    `${(bytes / 1e6).toFixed(1)} MB`,
    oldest === undefined ? '' : `since ${new Date(oldest).toISOString()}`,
    deadLetters > 0 ? counted(deadLetters, 'dead letter') : '',
    deadLettersRefused > 0 ? `${counted(deadLettersRefused, 'dead letter')} not kept` : '',
    isListed ? '' : UNLISTED,
    undelivered.length > 0 ? `no relay delivers ${partitionsText(undelivered)} now` : '',
  ];
  return `${source}  ${facts.filter(Boolean).join(', ')}`;
}

function partitionsText(partitions: readonly number[]): string {
  return `${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.join(', ')}`;
}

/** `1 event`, `2,000 events`. */
export function counted(value: number, unit: string): string {
  return `${value.toLocaleString('en-US')} ${unit}${value === 1 ? '' : 's'}`;
}
