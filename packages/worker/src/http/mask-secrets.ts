// Settings -> a text without the secrets in them. Used by exchange.ts.
import type { DeliverySettings } from '../protocol.js';

/** Characters from which on a value of a header may be a secret: less would be found in the middle of other words. */
const SECRET_LENGTH = 6;

/** Takes what nobody is to see out of a text, as it is and in the forms in which a server may give it back. */
export function createMask({ writeKey, headers, proxy }: DeliverySettings): (text: string) => string {
  const forms = [[writeKey, 'write key']];
  for (const encoding of ['base64', 'base64url'] as const) {
    // Without padding, which may be left out or escaped.
    for (const text of [`${writeKey}:`, writeKey]) {
      forms.push([base64(text, encoding).replace(/=+$/, ''), 'write key']);
    }
  }
  for (const [name, value] of Object.entries(headers)) {
    // `Bearer SECRET` may come back without the first word.
    for (const text of [value, ...value.split(/\s+/)]) {
      if (text.length >= SECRET_LENGTH) forms.push([text, name]);
    }
  }
  const password = proxy === undefined ? '' : new URL(proxy).password;
  for (const text of [password, decodeURIComponent(password)]) {
    if (text !== '') forms.push([text, 'password of the proxy']);
  }
  // The longest first: one may begin with another.
  forms.sort(([one = ''], [other = '']) => other.length - one.length);
  return (text) =>
    forms.reduce((rest, [form = '', name = '']) => rest.replaceAll(form, () => `[${name}]`), text);
}

function base64(text: string, encoding: 'base64' | 'base64url'): string {
  return Buffer.from(text).toString(encoding);
}
