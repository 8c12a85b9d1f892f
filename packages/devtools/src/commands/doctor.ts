// `offthread doctor`: runs one check after the other and prints what it finds.
import { type Agents, connectionsTo } from '@offthread/sdk/connections';
import { resolveSettings } from '@offthread/sdk/settings';
import type { Command } from 'commander';
import { type DestinationOptions, destinationOf, destinationOptions } from '../destination.js';
import { checkApi } from '../doctor/api.js';
import { type Check, failed, messageOf, ok, skipped } from '../doctor/check.js';
import { checkNode, checkRegion, checkWriteKey } from '../doctor/local.js';
import { checkConnection, checkDns, checkTls, type ProxyOnTheWay } from '../doctor/network.js';
import { checkLines, verdictOf } from '../doctor/report.js';
import { checkLimits, checkSample } from '../doctor/sample.js';
import { checkSpool } from '../doctor/spool.js';
import { withOptionNames } from '../option-names.js';
import { print, printJson } from '../output.js';
import { commandNamed, EXIT, exitBy } from '../usage.js';

interface DoctorOptions extends DestinationOptions {
  sample: boolean;
  spool?: string;
  json?: boolean;
}

const HELP = `
Checks from this machine, by the way the SDK would take: Node.js, the write key, the address and its region, DNS, the
connection and its certificate, latency, authentication, the clock, a sample event sent by the worker thread, and the
limits. A check that fails says what to do.

Examples:
  $ OFFTHREAD_WRITE_KEY=… offthread doctor
      Sends one event, 'Offthread Doctor Ran', to the source. --no-sample sends none.

  $ offthread doctor --region eu
  $ offthread doctor --host https://collector.example.com --json

Exit code: 0 no check failed, 1 a check failed, 2 the command line is wrong.
`;

/** The command `doctor`. */
export function doctorCommand(): Command {
  const command = commandNamed('offthread doctor').description('Find out why events do not arrive.');
  return destinationOptions(command)
    .option('--no-sample', 'send no sample event')
    .option('--spool <directory>', 'look at the directory of a spool, too')
    .option('--json', 'print the checks as JSON')
    .addHelpText('after', HELP)
    .action(exitBy(doctor));
}

async function doctor(options: DoctorOptions): Promise<number> {
  const checks: Check[] = [];
  const inColour = process.stdout.isTTY && process.stdout.hasColors();
  for await (const check of examine(options)) {
    checks.push(check);
    if (!options.json) for (const { text, label } of checkLines(check, inColour)) print(text, label);
  }
  const isWell = checks.every(({ status }) => status !== 'failed');
  if (options.json) printJson({ ok: isWell, checks }, 2);
  else {
    print('');
    print(verdictOf(checks));
  }
  return isWell ? EXIT.done : EXIT.failed;
}

/** The checks, each as soon as its result is known. A check is skipped if one that it depends on failed. */
async function* examine(options: DoctorOptions): AsyncGenerator<Check> {
  yield checkNode(process.version);
  const settings = destinationOf(options);
  const { check: address, way } = checkAddress(settings);
  const key = checkWriteKey(options.writeKey, way?.url);
  const writeKey = key.status === 'failed' ? undefined : options.writeKey;
  yield key;
  yield address;
  if (way !== undefined) yield checkRegion(way.url);

  const isReachable = way !== undefined && (yield* checkWay(way));
  if (isReachable) yield* await checkApi(way.url, writeKey, way.agents);
  else for (const name of ['latency', 'auth', 'clock']) yield skipped(name, 'the API cannot be reached');

  if (!options.sample) yield skipped('sample', 'turned off by --no-sample');
  else if (writeKey === undefined) yield skipped('sample', 'no write key');
  else if (!isReachable) yield skipped('sample', 'the API cannot be reached');
  else yield await checkSample({ ...settings, writeKey });
  yield await checkLimits();
  if (options.spool !== undefined) yield await checkSpool(options.spool);
}

/** The way to the API. */
interface Way {
  readonly url: URL;
  readonly proxy: ProxyOnTheWay | undefined;
  readonly agents: Agents;
}

function checkAddress(settings: ReturnType<typeof destinationOf>): { check: Check; way?: Way } {
  try {
    const resolved = resolveSettings({ ...settings, writeKey: 'none' });
    const url = new URL(resolved.url);
    // The agents that the SDK's own requests use.
    const agents = connectionsTo(resolved.url, resolved).take();
    const { proxy } = resolved;
    // With a proxy there is an agent for both protocols.
    const { http: agent } = agents;
    const isOnTheWay = proxy !== undefined && agent !== undefined;
    const onTheWay = isOnTheWay ? { host: new URL(proxy).host, agent } : undefined;
    return { check: ok('address', resolved.url), way: { url, proxy: onTheWay, agents } };
  } catch (error) {
    const message = withOptionNames(messageOf(error));
    const remedy = message.startsWith('Environment')
      ? 'Correct the variable, or exempt the host by NO_PROXY.'
      : 'Pass it as --host, like https://api.segment.io.';
    return { check: failed('address', message, remedy) };
  }
}

/** Name, connection and certificate, up to the first that fails. Returns whether all are well. */
async function* checkWay({ url, proxy }: Way): AsyncGenerator<Check, boolean> {
  for (const step of [checkDns, checkConnection, checkTls]) {
    const check = await step(url, proxy);
    yield check;
    if (check.status === 'failed') return false;
  }
  return true;
}
