// The command `import`: sends a file of events, and prints a summary.
import { resolve } from 'node:path';
import type { EventType } from '@offthread/sdk';
import { resolveSettings } from '@offthread/sdk/settings';
import { EVENT_TYPES } from '@offthread/tracking-api/event-rules';
import { type Command, Option } from 'commander';
import { type DestinationOptions, destinationOf, destinationOptions, requiredKey } from '../destination.js';
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
  text?: string[];
  rate?: number;
  dryRun?: boolean;
  deadLetter?: string;
  state?: string;
  restart?: boolean;
  progress: number;
  json?: boolean;
}

const HELP = `
Each line is one event as JSON, with a type and the fields that the SDK's method of that name accepts. FILE can also be
a JSON array, or CSV with a header; archives of Segment and RudderStack and tables of warehouses work as they are.
  {"type":"track","userId":"42","event":"Order Completed","timestamp":"2019-05-01T12:00:00Z","properties":{"revenue":39.95}}
Timestamps and messageIds are kept. A line without a messageId gets one made from its content, so that the API accepts
it once, however often it is imported. FILE may be gzip; - reads stdin.

Examples:
  $ export OFFTHREAD_WRITE_KEY=…
  $ offthread import history.ndjson.gz --dry-run
      Check every line without sending anything.

  $ offthread import history.ndjson.gz --rate 2000
      Send at most 2,000 events per second. After Ctrl-C the same command continues where it stopped.

  $ offthread import history.ndjson.gz.failed.ndjson
      Failed lines are there unchanged, the reasons in ….failed.ndjson.reasons. Correct them and import the file.

  $ offthread import tracks.csv --type track
      Import a table of a warehouse. Its columns become userId, timestamp, context, properties and so on.

  $ offthread import tracks.csv --type track --text order_number,zip
      Keep the cells of these columns as text, although they look like numbers.

  $ zcat archive/*.gz | jq -c 'select(.userId)' | offthread import - --dead-letter failed.ndjson

A problem with one line (not an event, too large, refused with a 400) fails that line. A problem with all lines (a wrong
write key, an API that can't be reached) stops the import before the first line concerned.

Exit code: 0 all delivered, 1 some failed or the import had to stop, 2 the command is wrong,
130 stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP), with the position saved.
`;

export function importCommand(): Command {
  const command = commandNamed('offthread import')
    .description('Import historical events from a file of JSON lines, a JSON array or CSV.')
    .argument('<file>', 'NDJSON, JSON or CSV, plain or gzip; - for stdin');
  return destinationOptions(command)
    .option('-r, --rate <number>', 'most events per second (default: no limit)', positive)
    .addOption(new Option('-f, --format <format>', 'format of FILE (default: detected)').choices(FORMATS))
    .addOption(new Option('-t, --type <type>', 'type of events that do not name one').choices(EVENT_TYPES))
    .option(
      '--text <columns>',
      'columns of CSV whose cells stay text, separated by commas; * for all (default: cells decide)',
      names,
    )
    .option('--dry-run', 'check every line without sending anything')
    .option('-d, --dead-letter <file>', 'file for failed lines (default: FILE.failed.ndjson; none for stdin)')
    .option('--state <file>', 'file for the position, to continue later (default: FILE.import.json)')
    .option('--restart', 'start over, whatever the state file says')
    .option(
      '--progress <seconds>',
      'time between progress lines if stderr is not a terminal; 0 for none',
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
  const format = formatOf(await source.head(isTelling), source.name, options.format, options.text);
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
  // Set before printing: if stdout is closed, the process exits with this code.
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
  throw new UsageError(`--state needs a file as input: ${source.name} can't be read again later`);
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
    throw new UsageError('--dead-letter is the file to import; choose another one');
  }
  return new DeadLetter(path, source.name, format.header);
}

/** Adds the names to those of an earlier use of the option. */
function names(text: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...text.split(',').map((name) => name.trim())];
}

function seconds(text: string): number {
  return text === '0' ? 0 : positive(text);
}
