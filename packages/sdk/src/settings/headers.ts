// Validates the setting `headers`, and converts names to lower case. Used by settings.ts.
import { show, ValidationError } from '../errors.js';
import { isPlainObject } from '../input/is-plain-object.js';

/**
 * Headers that the SDK sets, headers of the connection, and `proxy-authorization`, which must not be sent to the API.
 */
const RESERVED = new Set([
  ...['authorization', 'content-type', 'content-length', 'content-encoding', 'host', 'x-retry-count'],
  ...['connection', 'expect', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
]);

/** Validates the setting. No message shows a value, or an invalid name, which may be a value. */
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
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return refuse('has an invalid header name');
    if (RESERVED.has(name)) return refuse(`must not have ${show(name)}, which is a reserved header`);
    if (checked.has(name)) return refuse(`has ${show(name)} twice`);
    // node:http would reject any other value on each request.
    if (typeof text !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(text)) {
      return refuse(`must have a string of Latin-1 characters without line breaks for ${show(name)}`);
    }
    checked.set(name, text);
  }
  return Object.fromEntries(checked);
}
