// In: `offthread listen` and its options. Out: a server on this terminal, a line per request. Next: create.ts.
import { type Command, InvalidArgumentError } from 'commander';
import { eventLine, hasWords } from '../event-text.js';
import { counted, print, printJson } from '../output.js';
import type { RequestRecord } from '../record.js';
import type { TrackingApiServer } from '../server.js';
import { commandNamed, EXIT, exitBy, UsageError } from '../usage.js';

interface ListenOptions {
  port: number;
  host: string;
  latency: number;
  writeKey?: string[];
  /** True, or words to look for. */
  events?: true | string;
  json?: boolean;
  page: boolean;
}

const EXAMPLES = `
Examples:
  $ offthread listen
      Take events from any write key on http://127.0.0.1:4319.
      In the program:  new Analytics({ writeKey: 'anything', host: 'http://127.0.0.1:4319' })

  $ offthread listen --port 0 --latency 200
      Any free port, and every reply 200 ms late.

  $ offthread listen --events 'order 42'
      Print a line for each event that contains both words.

  $ offthread listen --write-key KEY --json
      Refuse all keys but KEY with a 401; one JSON object per line.

A browser shows the events live at the address it prints, and can make the API misbehave.
While it runs, another program can read what arrived and make it misbehave:
  $ curl http://127.0.0.1:4319/_offthread/counts
  $ curl http://127.0.0.1:4319/_offthread/behave -H 'content-type: application/json' \\
      -d '{"type":"answer","status":503}'

Ctrl-C prints a summary and ends it.
`;

/** The command `listen`: the local Tracking API until Ctrl-C. */
export function listenCommand(): Command {
  return commandNamed('listen')
    .description('Run a local Tracking API and print each request that arrives.')
    .option('-p, --port <number>', 'port to listen on; 0 for any', portNumber, 4319)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-l, --latency <ms>', 'milliseconds before each reply', wholeNumber, 0)
    .option('-k, --write-key <key...>', 'write keys to take; any other gets a 401 (default: every key)')
    .option('--no-page', 'serve no live page at / of its address')
    .option('-e, --events [words]', 'print a line per event, or per event that contains these words')
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', EXAMPLES)
    .action(exitBy(listen));
}

async function listen({
  port,
  host,
  latency,
  writeKey,
  events,
  json = false,
  page,
}: ListenOptions): Promise<number> {
  const keys = writeKey === undefined ? {} : { writeKeys: writeKey };
  // Only the counters are for this terminal; the rest is for the page and for programs that ask: a small memory will do.
  const options = { port, host, latencyMs: latency, maxRecorded: 20_000, page, ...keys };
  // Only now: Fastify takes as long to load as all the rest of the command line.
  const { createTrackingApi } = await import('../create.js');
  const api = await createTrackingApi(options).catch((error: unknown) => {
    throw isPortTaken(error)
      ? new UsageError(`port ${port} is taken; choose another with --port, or 0 for any`)
      : error;
  });
  if (json) printJson({ type: 'listening', url: api.url });
  else {
    print(`Local Tracking API on ${api.url}`);
    if (page) print(`Live page: ${api.url}/`);
    print('Ctrl-C ends it.');
    print('');
  }
  const words = events === true ? '' : events;
  api.recorder.subscribe((record) => {
    if (words !== undefined && record.accepted) printEvents(record, words, json);
    else if (json) printJson(publicPart(record));
    else print(textLine(record));
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void finish(api, json));
  }
  // Of a listener that is told to end: it runs until then.
  return EXIT.done;
}

async function finish(api: TrackingApiServer, json: boolean): Promise<void> {
  await api.close();
  const counts = api.counts();
  if (json) return printJson({ type: 'summary', ...counts, maxConcurrentByWriteKey: undefined });
  const { requests, refused, events, duplicates, biggestBatch, biggestBody } = counts;
  print('');
  print(
    `${counted(requests, 'request')} (${refused} refused), ${counted(events, 'event')} received ` +
      `(${duplicates} of them again); biggest batch ${counted(biggestBatch, 'event')}, ` +
      `biggest body ${counted(biggestBody, 'byte')}`,
  );
}

function printEvents({ events, receivedAt }: RequestRecord, words: string, json: boolean): void {
  for (const event of events.filter((each) => hasWords(each, words))) {
    if (json) printJson({ type: 'event', receivedAt, event });
    else print(eventLine(event, receivedAt));
  }
}

/** The write key is a secret and in no line. */
function publicPart({
  headers: _,
  writeKey: __,
  events: ___,
  messageIds: ____,
  ...record
}: RequestRecord): object {
  return { type: 'request', ...record };
}

function textLine(record: RequestRecord): string {
  const { receivedAt, method, path, eventCount, bodyBytes, status, behaviour, durationMs, state, refusal } =
    record;
  const retry = record.headers['x-retry-count'];
  const columns = [
    receivedAt.slice(11, 23),
    `${method} ${path}`.padEnd(15),
    counted(eventCount, 'event').padStart(11),
    counted(bodyBytes, 'byte').padStart(13),
    String(status ?? behaviour).padStart(4),
    `${Math.round(durationMs ?? 0)} ms`.padStart(7),
    retry === undefined ? '' : `retry ${retry}`,
    state === 'answered' ? '' : state,
    refusal ?? '',
  ];
  return columns.filter((column) => column !== '').join('  ');
}

function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError('Expected a port, at most 65535.');
  return port;
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
