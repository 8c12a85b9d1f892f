// Reads the write keys, which are secret: from a file or from the environment, never from a flag.
import { SettingsError } from './option.js';
import { readSecret } from './secret-file.js';

/** No key of the API has white space or control characters. Basic authentication ends a user name at a colon. */
const WRITE_KEY = /^[^\s:\p{C}]+$/u;

/**
 * Returns the keys in a text, one a line. Lines that are empty or start with `#` are ignored.
 *
 * @throws {SettingsError} that names the line, never its content.
 */
function parseWriteKeys(text: string, place: string): string[] {
  const keys = new Set<string>();
  for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
    const key = line.trim();
    if (key === '' || key.startsWith('#')) continue;
    if (!WRITE_KEY.test(key))
      throw new SettingsError(
        `${place}, line ${index + 1}: not a write key; put one key on each line, without a name or quotes`,
      );
    keys.add(key);
  }
  if (keys.size === 0) throw new SettingsError(`${place} has no write key; put one on each line`);
  return [...keys];
}

const VARIABLE = 'OFFTHREAD_RELAY_WRITE_KEYS';

/** Whether write keys are given. Commands that look at a directory can do without. */
export function hasWriteKeys(file: string | undefined, environment: NodeJS.ProcessEnv): boolean {
  return file !== undefined || (environment[VARIABLE] ?? '').trim() !== '';
}

/** Reads the file of `--write-key-file`, or the variable, whose keys are separated by commas or white space. */
export function readWriteKeys(file: string | undefined, environment: NodeJS.ProcessEnv): string[] {
  if (file !== undefined) return parseWriteKeys(readSecret(file, '--write-key-file'), file);
  if (!hasWriteKeys(file, environment))
    throw new SettingsError(
      `no write keys: pass --write-key-file FILE, with the key of a source on each line, or set ${VARIABLE}`,
    );
  return parseWriteKeys((environment[VARIABLE] ?? '').replace(/[,\s]+/g, '\n'), VARIABLE);
}
