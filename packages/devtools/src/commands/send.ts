// `offthread send TYPE`: sends one event and prints the result.
import { randomUUID } from 'node:crypto';
import { Analytics, type AnalyticsError, type EventType } from '@offthread/sdk';
import { type Command, Option } from 'commander';
import {
  adviceFor,
  type DestinationOptions,
  destinationOf,
  destinationOptions,
  requiredKey,
} from '../destination.js';
import { dispatch } from '../dispatch.js';
import { watchOutages } from '../outage.js';
import { complain, print, printJson } from '../output.js';
import { commandNamed, EXIT, exitBy, jsonObject, positive } from '../usage.js';

/** Few, because the user waits for the result. */
const MAX_RETRIES = 3;

/** The fields of events, as options. */
const FIELDS = {
  userId: () => new Option('-u, --user-id <id>', 'id of the user in your database'),
  anonymousId: () => new Option('-a, --anonymous-id <id>', 'id of a visitor who has not signed in yet'),
  previousId: () => new Option('--previous-id <id>', 'id that the user had before'),
  groupId: () => new Option('-g, --group-id <id>', 'id of the group'),
  event: () => new Option('-e, --event <name>', "what the user did, like 'Order Completed'"),
  name: () => new Option('-n, --name <name>', 'name of the page or screen'),
  category: () => new Option('--category <name>', 'category of the page or screen'),
  traits: () => new Option('-t, --traits <json>', 'traits of the user or group').argParser(jsonObject),
  properties: () => new Option('-p, --properties <json>', 'properties of the event').argParser(jsonObject),
  context: () => new Option('--context <json>', 'context, like ip and userAgent').argParser(jsonObject),
  integrations: () =>
    new Option('--integrations <json>', 'destinations to turn on or off').argParser(jsonObject),
  timestamp: () =>
    new Option('--timestamp <time>', 'when it happened: ISO 8601, or milliseconds since 1970 (default: now)'),
  messageId: () =>
    new Option('--message-id <id>', 'id by which the API drops duplicates (default: a new one)'),
} as const;

type Field = keyof typeof FIELDS;
type SendOptions = DestinationOptions & { [Name in Field]?: string | object } & {
  timeout: number;
  json?: boolean;
};

interface Kind {
  description: string;
  required: Field[];
  optional: Field[];
  example: string;
}

const IDENTITY: Field[] = ['userId', 'anonymousId'];
const COMMON: Field[] = ['context', 'integrations', 'timestamp', 'messageId'];

const KINDS: Record<EventType, Kind> = {
  track: {
    description: 'Record what a user did.',
    required: ['event'],
    optional: [...IDENTITY, 'properties'],
    example: `--user-id 42 --event 'Order Completed' --properties '{"revenue": 39.95}'`,
  },
  identify: {
    description: 'Record the traits of a user.',
    required: [],
    optional: [...IDENTITY, 'traits'],
    example: `--user-id 42 --traits '{"email": "ada@example.com"}'`,
  },
  page: {
    description: 'Record that a user saw a page.',
    required: [],
    optional: [...IDENTITY, 'name', 'category', 'properties'],
    example: `--anonymous-id visitor-7 --name Pricing --properties '{"url": "https://example.com/pricing"}'`,
  },
  screen: {
    description: 'Record that a user saw a screen of an app.',
    required: [],
    optional: [...IDENTITY, 'name', 'category', 'properties'],
    example: '--user-id 42 --name Settings',
  },
  group: {
    description: 'Add a user to a group.',
    required: ['groupId'],
    optional: [...IDENTITY, 'traits'],
    example: `--user-id 42 --group-id acme --traits '{"plan": "enterprise"}'`,
  },
  alias: {
    description: 'Merge two ids of one user.',
    required: ['userId', 'previousId'],
    optional: [],
    example: '--user-id 42 --previous-id visitor-7',
  },
};

const HELP = `
Every type has its own options and an example: offthread send track --help

Examples:
  $ export OFFTHREAD_WRITE_KEY=…
  $ offthread send track --user-id 42 --event 'Order Completed' --properties '{"revenue": 39.95}'
  $ offthread send identify --user-id 42 --traits '{"email": "ada@example.com"}'

  $ offthread send track --user-id 42 --event Tried --host http://127.0.0.1:4319 --write-key any
      To a local Tracking API: offthread listen

Exit code: 0 delivered, 1 not delivered, 2 the command line is wrong.
`;

/** The command `send`. Its exit code is the outcome of the event. */
export function sendCommand(): Command {
  const command = commandNamed('offthread send')
    .description('Send one event and print the result.')
    .addHelpText('after', HELP);
  for (const [type, kind] of Object.entries(KINDS)) command.addCommand(typeCommand(type as EventType, kind));
  return command;
}

function typeCommand(type: EventType, { description, required, optional, example }: Kind): Command {
  const command = commandNamed(`offthread send ${type}`).description(description);
  for (const field of required) command.addOption(FIELDS[field]().makeOptionMandatory());
  for (const field of [...optional, ...COMMON]) command.addOption(FIELDS[field]());
  return destinationOptions(command)
    .option('--timeout <ms>', 'milliseconds to try for', positive, 15_000)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', `\nExample:\n  $ offthread send ${type} ${example}\n`)
    .action(exitBy((options: SendOptions) => send(type, options)));
}

async function send(type: EventType, options: SendOptions): Promise<number> {
  const { timeout, json = false, timestamp, messageId = randomUUID() } = options;
  const fields: Partial<Record<Field, unknown>> = { messageId };
  for (const field of [...KINDS[type].required, ...KINDS[type].optional, ...COMMON]) {
    if (options[field] !== undefined) fields[field] = options[field];
  }
  if (typeof timestamp === 'string' && /^\d+$/.test(timestamp)) fields.timestamp = Number(timestamp);

  const analytics = new Analytics({
    ...destinationOf(options),
    writeKey: requiredKey(options),
    maxRetries: MAX_RETRIES,
    requestTimeout: Math.min(timeout, 10_000),
  });
  watchOutages(analytics, ({ message }) => complain(`${message}; trying again`));
  const start = performance.now();
  let failure: AnalyticsError | undefined;
  dispatch(analytics, type, fields, (error) => {
    failure = error;
  });
  // An event that is not delivered by then is dropped, and its callback gets the error.
  await analytics.close(timeout);
  const elapsedMs = Math.round(performance.now() - start);

  if (failure === undefined) {
    if (json) printJson({ status: 'delivered', type, messageId, elapsedMs });
    else print(`Delivered: ${type} ${messageId}, in ${elapsedMs} ms`);
    return EXIT.done;
  }
  const { code, status: httpStatus, attempts } = failure;
  const reason = failure.cause instanceof Error ? `: ${failure.cause.message}` : '';
  const message =
    code === 'closed' ? `The API did not take it within ${timeout} ms${reason}` : failure.message;
  if (json) {
    printJson({ status: 'failed', type, messageId, elapsedMs, code, httpStatus, attempts, message });
  }
  complain(`not delivered: ${[message, adviceFor(failure)].filter(Boolean).join('. ')}`);
  return EXIT.failed;
}
