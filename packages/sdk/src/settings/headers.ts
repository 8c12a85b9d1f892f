// The setting `headers` -> names in lower case and values that can be sent, or a ValidationError. Used by settings.ts.
import { show, ValidationError } from '../errors.js';
import { isPlainObject } from '../input/is-plain-object.js';

/** Ours, those of the connection, and one that is for the proxy and no business of the API. */
const RESERVED = new Set([
  ...['authorization', 'content-type', 'content-length', 'content-encoding', 'host', 'x-retry-count'],
  ...['connection', 'expect', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
]);

/** Checks the setting. No message shows a value, or a name that may be one. */
export function headers(value: unknown, setting: string): Readonly<Record<string, string>> {
  const refuse = (reason: string): never => {
    throw new ValidationError('invalid_setting', `Setting '${setting}' ${reason}`);
  };
  if (!isPlainObject(value))
    return refuse("must be a plain object of strings like { 'x-gateway-key': 'KEY' }");
  const checked = new Map<string, string>();
  for (const [given, text] of Object.entries(value)) {
    const name = given.toLowerCase();
    // Source: https://www.rfc-editor.org/rfc/rfc9110#name-tokens
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return refuse('has a name in it that no header can have');
    if (RESERVED.has(name)) return refuse(`must not have ${show(name)} in it, which is not yours to set`);
    if (checked.has(name)) return refuse(`has ${show(name)} in it twice`);
    // What node:http would refuse at each request.
    if (typeof text !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(text)) {
      return refuse(`must have a string of Latin letters without line ends for ${show(name)}`);
    }
    checked.set(name, text);
  }
  return Object.fromEntries(checked);
}
