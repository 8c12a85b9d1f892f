// `offthread-relay status`: what waits in the engine.
import type { Command } from 'commander';
import { commandNamed, EXIT, exitBy, print } from './command.js';
import { type Inspection, inspect } from './inspect.js';
import { engineOptions, sourceOptions } from './options.js';

/** The command `status`. */
export function statusCommand(): Command {
  const command = commandNamed('status').description('Say what waits to be delivered, for each source.');
  return engineOptions(sourceOptions(command))
    .option('--json', 'print a JSON object for each source')
    .action(exitBy(status));
}

async function status({ json, ...flags }: Record<string, unknown>): Promise<number> {
  const inspection = await inspect(flags);
  try {
    for (const source of inspection.sources) print(await describe(inspection, source, json === true));
    if (inspection.sources.length === 0) print('Nothing has been stored.');
  } finally {
    await inspection.close();
  }
  return EXIT.done;
}

async function describe(inspection: Inspection, source: string, json: boolean): Promise<string> {
  const backlog = await inspection.backlog(source);
  if (json) return JSON.stringify({ source, ...backlog });
  const { events, bytes, oldest, deadLetters, deadLettersRefused } = backlog;
  const facts = [
    counted(events, 'event'),
    `${(bytes / 1e6).toFixed(1)} MB`,
    oldest === undefined ? '' : `since ${new Date(oldest).toISOString()}`,
    deadLetters > 0 ? counted(deadLetters, 'dead letter') : '',
    deadLettersRefused > 0 ? `${counted(deadLettersRefused, 'dead letter')} not kept` : '',
  ];
  return `${source}  ${facts.filter(Boolean).join(', ')}`;
}

/** `1 event`, `2,000 events`. */
export function counted(value: number, unit: string): string {
  return `${value.toLocaleString('en-US')} ${unit}${value === 1 ? '' : 's'}`;
}
