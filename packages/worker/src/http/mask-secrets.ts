// Masks the secrets in the settings wherever they appear in a text. Used by exchange.ts.
import type { DeliverySettings } from '../protocol.js';

/** Minimum length at which a secret is masked inside of words. A shorter one could be part of an ordinary word. */
const SECRET_LENGTH = 6;

/** Creates a function that masks the secrets in a text, in every form in which a server may echo them. */
export function createMask({ writeKey, headers, proxy }: DeliverySettings): (text: string) => string {
  const forms = [[writeKey, 'write key']];
  for (const encoding of ['base64', 'base64url'] as const) {
    // Without padding, which may be missing or escaped.
    for (const text of [`${writeKey}:`, writeKey]) {
      forms.push([base64(text, encoding).replace(/=+$/, ''), 'write key']);
    }
  }
  for (const [name, value] of Object.entries(headers)) {
    // A server may echo `Bearer SECRET` without the first word.
    for (const text of [value, ...value.split(/\s+/)]) {
      if (text.length >= SECRET_LENGTH) forms.push([text, name]);
    }
  }
  const password = proxy === undefined ? '' : new URL(proxy).password;
  for (const text of [password, decodeURIComponent(password)]) {
    if (text !== '') forms.push([text, 'password of the proxy']);
  }
  // Longest first, because one may start with another.
  forms.sort(([one = ''], [other = '']) => other.length - one.length);
  const patterns = forms.map(([form = '', name = '']) => [patternOf(form), `[${name}]`] as const);
  return (text) => patterns.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, () => name), text);
}

/** A short secret is masked only as a whole word: `any` isn't masked in `company`. */
function patternOf(form: string): RegExp | string {
  if (form.length >= SECRET_LENGTH) return form;
  const literal = form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])`, 'gu');
}

function base64(text: string, encoding: 'base64' | 'base64url'): string {
  return Buffer.from(text).toString(encoding);
}
