// `offthread listen`: runs the local Tracking API and prints a line for each request.
import { type Command, InvalidArgumentError } from 'commander';
import { localCertificate } from '../api/local-certificate.js';
import type { RequestRecord } from '../api/request-record.js';
import type { TrackingApiServer } from '../api/server.js';
import { eventLine, hasWords } from '../event-text.js';
import { counted, print, printJson } from '../output.js';
import { commandNamed, EXIT, exitBy, UsageError } from '../usage.js';

interface ListenOptions {
  port: number;
  host: string;
  latency: number;
  writeKey?: string[];
  tls?: boolean;
  strict?: boolean;
  origin?: string[];
  /** True, or words to search for. */
  events?: true | string;
  json?: boolean;
  page: boolean;
}

const EXAMPLES = `
Examples:
  $ offthread listen
      Accept events for any write key on http://127.0.0.1:4319.
      In the program:  new Analytics({ writeKey: 'anything', host: 'http://127.0.0.1:4319' })

  $ offthread listen --port 0 --latency 200
      Use any free port, and delay every reply by 200 ms.

  $ offthread listen --tls
      Serve https://127.0.0.1:4319. Tell the client to trust the certificate whose path is printed.

  $ offthread listen --events 'order 42'
      Print a line for each event that contains both words.

  $ offthread listen --write-key KEY --json
      Answer 401 to other keys than KEY. Print one JSON object per line.

Open the printed address in a browser to see events arrive, and to make the API fail on purpose.
Other programs can do both while it runs:
  $ curl http://127.0.0.1:4319/_offthread/counts
  $ curl http://127.0.0.1:4319/_offthread/behave -H 'content-type: application/json' \\
      -d '{"type":"answer","status":503}'

Press Ctrl-C to print a summary and stop.
`;

/** The command `listen`: the local Tracking API until Ctrl-C. */
export function listenCommand(): Command {
  return commandNamed('offthread listen')
    .description('Run a local Tracking API and print each request that arrives.')
    .option('-p, --port <number>', 'port to listen on; 0 for any', portNumber, 4319)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-l, --latency <ms>', 'milliseconds before each reply', wholeNumber, 0)
    .option('-k, --write-key <key...>', 'write keys to accept; others get a 401 (default: accept all)')
    .option('--tls', 'serve https, with a certificate made for this machine')
    .option(
      '--strict',
      'answer 400 to a request with a fault in one of its events (default: 200, as the API does)',
    )
    .option('--origin <origin...>', 'origins whose web pages may send events (default: every one)')
    .option('--no-page', 'serve no live page at /')
    .option('-e, --events [words]', 'print a line per event, or per event that contains these words')
    .option('--json', 'print one JSON object per line')
    .addHelpText('after', EXAMPLES)
    .action(exitBy(listen));
}

async function listen({ port, host, latency, json = false, page, ...given }: ListenOptions): Promise<number> {
  const { writeKey, strict = false, origin, tls, events } = given;
  const lists = { ...(writeKey && { writeKeys: writeKey }), ...(origin && { origins: origin }) };
  // The terminal needs only the counters. Records are kept for the page and for programs.
  const options = { port, host, latencyMs: latency, maxRecorded: 20_000, page, strict, ...lists };
  const certificate = tls ? await localCertificate(host) : undefined;
  // Loaded late: Fastify takes as long to load as all other commands together.
  const { createTrackingApi } = await import('../api/create.js');
  const api = await createTrackingApi({ ...options, ...(certificate && { tls: certificate }) }).catch(
    (error: unknown) => {
      throw isPortTaken(error)
        ? new UsageError(`port ${port} is taken; choose another with --port, or 0 for any`)
        : error;
    },
  );
  // Before the address is printed, because a program may end this one as soon as it has read it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void finish(api, json));
  }
  const { url } = api;
  const path = certificate?.path;
  if (json) printJson({ type: 'listening', url, certificate: path });
  else {
    print(`Local Tracking API on ${url}`);
    if (path !== undefined) print(`Certificate: ${path} (Node.js: NODE_EXTRA_CA_CERTS, curl: --cacert)`);
    if (page) print(`Live page: ${url}/`);
    print('Ctrl-C ends it.');
    print('');
  }
  const words = events === true ? '' : events;
  api.recorder.subscribe((record) => {
    if (words !== undefined && record.accepted) printEvents(record, words, json);
    else if (json) printJson(publicPart(record));
    else print(textLine(record));
  });
  // The exit code for an end by a signal.
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
      `(${duplicates} duplicates); biggest batch ${counted(biggestBatch, 'event')}, ` +
      `biggest body ${counted(biggestBody, 'byte')}`,
  );
}

function printEvents({ events, receivedAt }: RequestRecord, words: string, json: boolean): void {
  for (const event of events.filter((each) => hasWords(each, words))) {
    if (json) printJson({ type: 'event', receivedAt, event });
    else print(eventLine(event, receivedAt));
  }
}

/** Headers and write key are left out: they are secret. */
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
    refusal ?? faultsOf(record),
  ];
  return columns.filter((column) => column !== '').join('  ');
}

/** The first fault, and how many more there are. */
function faultsOf({ faults: [first, ...more], eventCount }: RequestRecord): string {
  if (first === undefined) return '';
  const { index, message } = first;
  const place = index === null ? '' : eventCount === 1 ? 'the event ' : `batch[${index}] `;
  const rest = more.length === 0 ? '' : `, and ${more.length} more ${more.length === 1 ? 'fault' : 'faults'}`;
  return `${place}${message}${rest}`;
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
