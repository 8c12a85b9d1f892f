// Settings -> a text without the secrets in them. Used by exchange.ts.
import type { DeliverySettings } from '../protocol.js';

/** Characters from which on a text may be a secret wherever it is found: a shorter one is also part of other words. */
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
  const patterns = forms.map(([form = '', name = '']) => [patternOf(form), `[${name}]`] as const);
  return (text) => patterns.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, () => name), text);
}

/** A short form is looked for as a word of its own: `any` is not masked in `company`. */
function patternOf(form: string): RegExp | string {
  if (form.length >= SECRET_LENGTH) return form;
  const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu');
}

function base64(text: string, encoding: 'base64' | 'base64url'): string {
  return Buffer.from(text).toString(encoding);
}
