// Reads files that settings name.
import { readFileSync } from 'node:fs';
import { SettingsError } from './option.js';

/** Returns the content of a file. `label` is the option that names it. */
export function readSecret(path: string, label: string): string {
  return readBytes(path, label)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

/** @throws {SettingsError} if the file can't be read. */
export function readBytes(path: string, label: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? 'there is no such file' : (code ?? String(error));
    throw new SettingsError(`${label} ${path} cannot be read: ${reason}`);
  }
}
