// `offthread-relay doctor`: finds out whether a relay with these settings works, and what it can lose.
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { examineDirectory } from '../engine/disk/doctor.js';
import { examineRedis } from '../engine/redis/doctor.js';
import { apiUrl } from '../settings/api-address.js';
import { engineSettings } from '../settings/engine-settings.js';
import { Given, SettingsError } from '../settings/option.js';
import { readWriteKeys } from '../settings/write-keys.js';
import { commandNamed, EXIT, exitBy, print } from './command.js';
import type { Finding } from './finding.js';
import { sourceNames } from './inspect.js';
import { apiOptions, engineOptions, sourceOptions } from './options.js';

/** Milliseconds to wait for the API. */
const API_LIMIT_MS = 10_000;

/** The command `doctor`. */
export function doctorCommand(): Command {
  const command = commandNamed('offthread-relay doctor').description(
    'Examine the settings, the engine and the way to the API, and say what can be lost.',
  );
  return apiOptions(engineOptions(sourceOptions(command)))
    .option('--json', 'print a JSON object for each finding')
    .action(exitBy(doctor));
}

async function doctor({ json, ...flags }: Record<string, unknown>): Promise<number> {
  const given = new Given(flags, process.env);
  const findings = [
    ...(await attempt(() => examineKeys(given))),
    ...(await attempt(() => examineEngine(given))),
    ...(await attempt(() => examineApi(given))),
  ];
  for (const finding of findings) print(json === true ? JSON.stringify(finding) : describe(finding));
  return findings.some(({ level }) => level === 'error') ? EXIT.failed : EXIT.done;
}

/** A mistake in one setting must not keep the others from being examined. */
async function attempt(examine: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await examine();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [{ level: 'error', message: error.message }];
  }
}

function describe({ level, message, remedy }: Finding): string {
  const sign = { ok: '✓', warning: '!', error: '✗' }[level];
  return `${sign} ${message}${remedy === undefined ? '' : `. ${remedy}`}`;
}

async function examineKeys(given: Given): Promise<Finding[]> {
  const file = given.text('write-key-file');
  const { length } = readWriteKeys(file, process.env);
  const known: Finding = { level: 'ok', message: `${length} write ${length === 1 ? 'key' : 'keys'}` };
  const isReadable =
    file !== undefined && process.platform !== 'win32' && (statSync(file).mode & 0o007) !== 0;
  if (!isReadable) return [known];
  const message = `every user of this machine may read ${file}`;
  return [known, { level: 'warning', message, remedy: `Run chmod o-rwx ${file}` }];
}

async function examineEngine(given: Given): Promise<Finding[]> {
  const settings = engineSettings(given);
  const sources = knownSources(given);
  if (settings.type === 'disk') return examineDirectory(settings, sources);
  const { url, password, partitions } = settings;
  return examineRedis({ url, ...(password !== undefined && { password }) }, { partitions, sources });
}

/** None if the write keys can't be read, which is a finding of its own. */
function knownSources(given: Given): string[] {
  try {
    return sourceNames(given);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [];
  }
}

/** Whether anything answers there. A reply to an empty GET says nothing about the write keys. */
async function examineApi(given: Given): Promise<Finding[]> {
  const url = apiUrl(given);
  try {
    const { status } = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(API_LIMIT_MS) });
    return [{ level: 'ok', message: `${url} answers (${status} to a GET)` }];
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    return [
      {
        level: 'error',
        message: `${url} cannot be reached: ${reason}`,
        remedy: 'Check --api-host, the network, and what is allowed to leave it',
      },
    ];
  }
}
