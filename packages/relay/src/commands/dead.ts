// `offthread-relay dead ls | replay | export`: events that the API refused, and why.
import { type Command, Option } from 'commander';
import type { StoredDeadLetter } from '../engine/engine.js';
import { SettingsError } from '../settings/option.js';
import { commandNamed, complain, EXIT, exitBy, messageOf, print } from './command.js';
import { type Inspection, inspect } from './inspect.js';
import { engineOptions, sourceOptions } from './options.js';
import { counted } from './status.js';

/** Characters of a refused event to show. */
const SHOWN_LENGTH = 200;

const HELP = `
An event becomes a dead letter if the API refuses it by itself: it is too large, or isn't what the API expects.
What is wrong with a key or an address makes no dead letters.

Examples:
  $ offthread-relay dead ls
  $ offthread-relay dead replay --all
  $ offthread-relay dead export > refused.ndjson
`;

/** The command `dead`. */
export function deadCommand(): Command {
  const ls = common('ls')
    .description('List dead letters.')
    .option('--json', 'print a JSON object for each, without its event')
    .action(exitBy(list));
  const replay = common('replay')
    .description('Deliver dead letters again, after what is wrong has been corrected.')
    .argument('[ids...]', 'as `dead ls` shows them')
    .option('--all', 'all of them')
    .action(exitBy(replayLetters));
  const toStdout = common('export')
    .description('Write dead letters as NDJSON, with the event as it was sent. Changes nothing.')
    .action(exitBy(exportLetters));
  return common()
    .description('List the events that the API refused, deliver them again, or write them as NDJSON.')
    .enablePositionalOptions()
    .addHelpText('after', HELP)
    .addCommand(ls)
    .addCommand(replay)
    .addCommand(toStdout);
}

/** Creates `dead`, or the command with this name below it. */
function common(name = ''): Command {
  return engineOptions(sourceOptions(commandNamed(`offthread-relay dead ${name}`.trim()))).addOption(
    new Option('--source <name>', 'only of this source, by its name or the start of it'),
  );
}

/** Runs an action for each source that is asked for, also for those whose write key isn't listed. */
async function forEachSource(
  { source: wanted = '', ...flags }: { source?: string } & Record<string, unknown>,
  act: (inspection: Inspection, source: string) => Promise<void>,
): Promise<void> {
  const inspection = await inspect(flags);
  try {
    const all = [...inspection.sources, ...inspection.unlisted];
    const sources = all.filter((name) => name.startsWith(wanted));
    if (sources.length === 0 && wanted !== '')
      throw new SettingsError(`there is no source ${wanted}; \`status\` lists them`);
    for (const source of sources) await act(inspection, source);
  } finally {
    await inspection.close();
  }
}

async function list({ json, ...flags }: Record<string, unknown>): Promise<number> {
  let total = 0;
  await forEachSource(flags, async (inspection, source) => {
    for (const letter of await inspection.deadLetters(source)) {
      const { text, ...facts } = letter;
      print(json === true ? JSON.stringify({ source, ...facts }) : describe(letter));
      total += 1;
    }
  });
  if (json !== true) print(`${counted(total, 'dead letter')}.`);
  return EXIT.done;
}

function describe({ id, time, code, status, message, text }: StoredDeadLetter): string {
  const event = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
  const reason = [code, status, message].filter((each) => each !== undefined).join(' ');
  return `${id}  ${new Date(time).toISOString()}  ${reason}  ${event}`;
}

async function replayLetters(
  ids: readonly string[],
  { all, ...flags }: Record<string, unknown>,
): Promise<number> {
  if ((all === true) === ids.length > 0)
    throw new SettingsError('name the dead letters to replay by their ids, or pass --all');
  let replayed = 0;
  let left = 0;
  await forEachSource(flags, async (inspection, source) => {
    const letters = await inspection.deadLetters(source);
    const chosen = letters.map(({ id }) => id).filter((id) => all === true || ids.includes(id));
    if (chosen.length === 0) return;
    try {
      // As events, nobody would deliver them.
      if (inspection.unlisted.includes(source)) throw new Error('its write key is not listed');
      replayed += await inspection.replay(source, chosen);
    } catch (error) {
      left += chosen.length;
      complain(
        `${counted(chosen.length, 'dead letter')} of source ${source} cannot be replayed: ${messageOf(error)}`,
      );
    }
  });
  print(`${counted(replayed, 'event')} will be delivered again.`);
  return left === 0 && (all === true || replayed === ids.length) ? EXIT.done : EXIT.failed;
}

async function exportLetters(flags: Record<string, unknown>): Promise<number> {
  await forEachSource(flags, async (inspection, source) => {
    for (const { text, time, code, status, message } of await inspection.deadLetters(source)) {
      const facts = JSON.stringify({ code, status, message, time: new Date(time).toISOString(), source });
      // The event's own text, so that all digits are those that were sent.
      process.stdout.write(`{"event":${text.replace(/[\r\n]+/g, ' ')},${facts.slice(1)}\n`);
    }
  });
  return EXIT.done;
}
