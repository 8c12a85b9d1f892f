// `offthread spool ls | replay | export`: lists, sends or prints the events that wait in the directory of a spool.
import { createWriteStream, statSync } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Analytics, type AnalyticsError } from '@offthread/sdk';
import {
  type FoundRun,
  findRuns,
  inspectRun,
  moveRun,
  type RunName,
  type RunReport,
  readRun,
  sourceName,
} from '@offthread/sdk/spool';
import type { Command } from 'commander';
import {
  adviceFor,
  type DestinationOptions,
  destinationOf,
  destinationOptions,
  requiredKey,
} from '../destination.js';
import { Progress } from '../import/progress.js';
import { listenForSignals } from '../import/signals.js';
import { complain, counted, print, printJson } from '../output.js';
import { commandNamed, EXIT, exitBy, UsageError } from '../usage.js';

/** Milliseconds between two checks of the progress. */
const LOOK_MS = 100;

const HELP = `
A spool is the directory in a client's setting 'spool'. Its processes send the events in it. Use these commands to see what
it contains, and to send or save the events if no such process will be started again.

Examples:
  $ offthread spool ls /var/lib/shop/analytics
  $ OFFTHREAD_WRITE_KEY=… offthread spool replay /var/lib/shop/analytics
  $ offthread spool export /var/lib/shop/analytics > events.ndjson
`;

/** The command `spool`. */
export function spoolCommand(): Command {
  const ls = commandNamed('offthread spool ls')
    .description('List the waiting events by run, and say whether they can be read.')
    .argument('<directory>')
    .option('--json', 'print a JSON object for each run')
    .action(exitBy(listRuns));
  const replay = destinationOptions(commandNamed('offthread spool replay'))
    .description('Send the waiting events of the write key.')
    .argument('<directory>')
    .option('--all', 'send the events of other write keys too, with this one')
    .option(
      '--progress <seconds>',
      'time between progress lines if stderr is not a terminal; 0 for none',
      Number,
      10,
    )
    .option('--json', 'print the result as JSON')
    .action(exitBy(replayRuns));
  const toFile = commandNamed('offthread spool export')
    .description(
      'Write the waiting events as NDJSON, for example for `offthread import`. Changes nothing in the directory.',
    )
    .argument('<directory>')
    .option('-k, --write-key <key>', 'write only the events of this key')
    .option('-o, --output <file>', 'file to write to (default: stdout)')
    .action(exitBy(exportRuns));
  return commandNamed('offthread spool')
    .description('List, send or export the events in a spool directory.')
    .addHelpText('after', HELP)
    .addCommand(ls)
    .addCommand(replay)
    .addCommand(toFile);
}

async function listRuns(directory: string, { json }: { json?: boolean }): Promise<number> {
  const reports = await inspect(directory);
  if (json) for (const report of reports) printJson(report);
  else {
    for (const report of reports) print(describe(report));
    const events = reports.reduce((sum, report) => sum + report.events, 0);
    print(`${counted(events, 'event')} in ${counted(reports.length, 'run')}.`);
  }
  const isWhole = reports.every(
    ({ damaged, leftAlone }) => damaged === 0 && Object.keys(leftAlone).length === 0,
  );
  return isWhole ? EXIT.done : EXIT.failed;
}

function describe({ source, run, isHeld, events, bytes, oldest, damaged, leftAlone }: RunReport): string {
  const facts = [
    counted(events, 'event'),
    `${(bytes / 1e6).toFixed(1)} MB`,
    oldest === undefined ? '' : `since ${new Date(oldest).toISOString()}`,
    isHeld ? 'in use by a process' : 'not in use',
    damaged > 0 ? `${damaged} DAMAGED` : '',
    ...Object.entries(leftAlone).map(([file, reason]) => `${file} CAN'T BE READ: ${reason}`),
  ];
  return `${source.slice(0, 8)}  ${run}  ${facts.filter(Boolean).join(', ')}`;
}

interface ReplayOptions extends DestinationOptions {
  all?: boolean;
  progress: number;
  json?: boolean;
}

async function replayRuns(directory: string, options: ReplayOptions): Promise<number> {
  const writeKey = requiredKey(options);
  const source = sourceName(writeKey);
  const waiting = (await inspect(directory)).filter(({ isHeld }) => !isHeld);
  const others = waiting.filter((run) => run.source !== source);
  if (options.all) for (const run of others) moveRun(directory, run, writeKey);
  else if (others.length > 0)
    complain(`${counted(others.length, 'run')} of other write keys; pass --all to send them too`);
  const total = waiting
    .filter((run) => options.all || run.source === source)
    .reduce((sum, { events }) => sum + events, 0);
  const progress = new Progress(process.stderr, 'event', options.progress);
  let failed = 0;
  let trouble: string | undefined;
  const onError = (error: AnalyticsError): void => {
    if (error.events.length > 0) failed += error.events.length;
    else if (error.code !== 'spool_foreign')
      trouble = [error.message, adviceFor(error)].filter(Boolean).join('. ');
    progress.note(error.message);
  };
  const analytics = new Analytics({ ...destinationOf(options), writeKey, spool: directory, onError });
  const signals = listenForSignals(() => {});
  const sent = (): number => analytics.stats().spool?.recovered ?? 0;
  while (sent() + failed < total && trouble === undefined && signals.received === undefined) {
    progress.update({ lines: sent(), fraction: sent() / total });
    await delay(LOOK_MS);
  }
  progress.stop();
  const { received } = signals;
  signals.close();
  const recovered = sent();
  await analytics.close();
  const result = {
    ending: trouble === undefined ? (received ?? 'done') : 'stopped',
    total,
    sent: recovered,
    failed,
  };
  if (options.json) printJson(result);
  else
    print(
      `${recovered.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} events were sent, ${failed} failed.`,
    );
  if (trouble !== undefined) complain(`stopped: ${trouble}`);
  if (received !== undefined) return EXIT[received];
  return trouble === undefined && failed === 0 ? EXIT.done : EXIT.failed;
}

async function exportRuns(
  directory: string,
  { writeKey, output }: { writeKey?: string; output?: string },
): Promise<number> {
  const source = writeKey === undefined ? undefined : sourceName(writeKey);
  const runs = (await find(directory)).filter(
    (run: RunName) => source === undefined || run.source === source,
  );
  async function* lines(): AsyncGenerator<string> {
    for (const run of runs) for (const event of readRun(directory, run)) yield `${event}\n`;
  }
  const target =
    output === undefined
      ? new Writable({ write: (chunk, _, done) => void process.stdout.write(chunk, () => done()) })
      : createWriteStream(output, { flags: 'wx', mode: 0o600 });
  await pipeline(lines, target);
  return EXIT.done;
}

async function inspect(directory: string): Promise<RunReport[]> {
  return (await find(directory)).map((run: FoundRun) => inspectRun(directory, run));
}

function find(directory: string): ReturnType<typeof findRuns> {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return findRuns(directory);
  throw new UsageError(`${directory} is not a directory`);
}
