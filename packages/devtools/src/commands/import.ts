// In: `offthread import FILE` and its options. Out: its events sent, and a summary. Next: import/run.ts.
import { resolve } from 'node:path';
import type { EventType } from '@offthread/sdk';
import { resolveSettings } from '@offthread/sdk/settings';
import { type Command, Option } from 'commander';
import { type DestinationOptions, destinationOf, destinationOptions, requiredKey } from '../destination.js';
import { EVENT_TYPES } from '../event-rules.js';
import { CheckpointFile } from '../import/checkpoint.js';
import { DeadLetter } from '../import/dead-letter.js';
import { FORMATS, type Format, type FormatName, formatOf, isTelling } from '../import/format.js';
import { runImport } from '../import/run.js';
import { openSource, type Source } from '../import/source.js';
import { summaryLines } from '../import/summary.js';
import { complain, print, printJson } from '../output.js';
import { commandNamed, EXIT, exitBy, positive, UsageError } from '../usage.js';

interface ImportOptions extends DestinationOptions {
  format?: FormatName;
  type?: EventType;
  rate?: number;
  dryRun?: boolean;
  deadLetter?: string;
  state?: string;
  restart?: boolean;
  progress: number;
  json?: boolean;
}

const HELP = `
Each line is one event as JSON, with a type and the fields that the SDK's method of that name takes. So is each element
of a JSON array, and each row of CSV with a header. Archives of Segment and RudderStack and tables of warehouses go in:
  {"type":"track","userId":"42","event":"Order Completed","timestamp":"2019-05-01T12:00:00Z","properties":{"revenue":39.95}}
Timestamps and messageIds are kept. Without a messageId one is made of the line's content, so that the API takes it
once, however often it is imported. FILE may be gzip; - reads stdin.

Examples:
  $ export OFFTHREAD_WRITE_KEY=…
  $ offthread import history.ndjson.gz --dry-run
      Check every line, send nothing.

  $ offthread import history.ndjson.gz --rate 2000
      At most 2,000 events a second. After Ctrl-C the same command goes on where it stood.

  $ offthread import history.ndjson.gz.failed.ndjson
      What failed is there as it was, with the reasons in ….failed.ndjson.reasons: mend it and import it.

  $ offthread import tracks.csv --type track
      A table of a warehouse: its columns become userId, timestamp, context, properties and so on.

  $ zcat archive/*.gz | jq -c 'select(.userId)' | offthread import - --dead-letter failed.ndjson

What concerns one line (it is no event, too large, refused with a 400) fails that line. What concerns all of them (a
wrong write key, no way to the API) stops the import before the first line concerned; the same command goes on there.

Exit code: 0 all delivered, 1 some failed or it had to stop, 2 something was wrong with the command,
130 stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP), with all settled lines written down.
`;

/** The command `import`: a file of events, as much as there is. */
export function importCommand(): Command {
  const command = commandNamed('import')
    .description('Import historical events from a file: JSON, one event a line or in an array, or CSV.')
    .argument('<file>', 'NDJSON, JSON or CSV, plain or gzip; - for stdin');
  return destinationOptions(command)
    .option('-r, --rate <number>', 'most events a second (default: as fast as the API takes them)', positive)
    .addOption(
      new Option('-f, --format <format>', 'format of FILE (default: told by what is in it)').choices(FORMATS),
    )
    .addOption(new Option('-t, --type <type>', 'type of the events that name none').choices(EVENT_TYPES))
    .option('--dry-run', 'check every line and send nothing')
    .option('-d, --dead-letter <file>', 'where failed lines go (default: FILE.failed.ndjson; none for stdin)')
    .option('--state <file>', 'where it is written down how far the import is (default: FILE.import.json)')
    .option('--restart', 'begin anew, whatever an earlier run left')
    .option(
      '--progress <seconds>',
      'between two lines about it where there is no terminal; 0 for none',
      seconds,
      10,
    )
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', HELP)
    .action(exitBy(importFile));
}

async function importFile(file: string, options: ImportOptions): Promise<number> {
  const { dryRun = false, restart = false, rate } = options;
  const settings = { ...destinationOf(options), writeKey: dryRun ? 'dry run' : requiredKey(options) };
  const { url } = resolveSettings(settings);
  const source = await openSource(file);
  const format = formatOf(await source.head(isTelling), source.name, options.format);
  const checkpoint = dryRun ? undefined : checkpointFor(source, options, url, format);
  const deadLetter = dryRun ? undefined : deadLetterFor(source, options, format);
  const summary = await runImport({
    settings,
    dryRun,
    source,
    format,
    usual: options.type,
    rate: dryRun ? undefined : rate,
    checkpoint,
    from: restart ? undefined : checkpoint?.load(),
    deadLetter,
    secondsOfProgress: options.progress,
  });

  const { ending, trouble, unit, line, failed } = summary;
  const isWhole = ending === 'done' && failed === 0;
  const code = ending === 'done' || ending === 'stopped' ? (isWhole ? EXIT.done : EXIT.failed) : EXIT[ending];
  // Before anything is printed: whoever has closed stdout ends the process with this code.
  process.exitCode = code;
  if (trouble !== undefined) complain(`stopped after ${unit} ${line}: ${trouble}`);
  if (options.json) printJson(summary);
  else for (const each of summaryLines(summary)) print(each);
  return code;
}

function checkpointFor(
  source: Source,
  { state }: ImportOptions,
  url: string,
  format: Format,
): CheckpointFile | undefined {
  if (source.fingerprint !== undefined) {
    const path = state ?? `${source.name}.import.json`;
    return new CheckpointFile(path, source.fingerprint, url, format.name);
  }
  if (state === undefined) return undefined;
  throw new UsageError(`--state is for a file: ${source.name} cannot be read again from where it stood`);
}

function deadLetterFor(
  source: Source,
  { deadLetter }: ImportOptions,
  format: Format,
): DeadLetter | undefined {
  const isFile = source.fingerprint !== undefined;
  const ending = format.name === 'csv' ? 'csv' : 'ndjson';
  const path = deadLetter ?? (isFile ? `${source.name}.failed.${ending}` : undefined);
  if (path === undefined) return undefined;
  if (isFile && resolve(path) === resolve(source.name)) {
    throw new UsageError('--dead-letter is the file that is imported; name another one');
  }
  return new DeadLetter(path, source.name, format.header);
}

function seconds(text: string): number {
  return text === '0' ? 0 : positive(text);
}
