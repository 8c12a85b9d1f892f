// Masks secrets before they reach the live page: write keys, tokens and cookies.

/** The replacement for a secret. It doesn't reveal the secret's length. */
export const MASK = '••••';

/** A header as the page shows it. */
export interface MaskedHeader {
  name: string;
  value: string;
  isMasked: boolean;
}

const SECRET_HEADER =
  /^(authorization|proxy-authorization|cookie|set-cookie)$|(api|write|access|auth)[-_]?(key|token)|secret|password/;

/** A parameter of a query: its name, and its value. */
const PARAMETER = /[?&]([^=&]*)=([^&]*)/g;

const KEY_FIELD = /("write_?key"\s*:\s*")((?:[^"\\]|\\.)*)"/gi;

/** A shorter key may be an ordinary word such as `test`, which isn't necessarily the key. */
const LEAST_FOUND = 8;

/** The headers of a request or reply, in order. The scheme of an authorization is kept. */
export function maskHeaders(
  headers: Record<string, number | string | string[] | undefined>,
  writeKey: string | null,
): MaskedHeader[] {
  return Object.entries(headers).flatMap(([name, values = []]) =>
    [values].flat().map((value) => maskHeader(name, String(value), writeKey)),
  );
}

function maskHeader(name: string, value: string, writeKey: string | null): MaskedHeader {
  const isSecret = SECRET_HEADER.test(name) || (writeKey !== null && holdsKey(value, writeKey));
  if (!isSecret) return { name, value, isMasked: false };
  const scheme = name.endsWith('authorization') ? /^(basic|bearer) /i.exec(value)?.[0] : undefined;
  return { name, value: `${scheme ?? ''}${MASK}`, isMasked: true };
}

function holdsKey(value: string, writeKey: string): boolean {
  return value === writeKey || (writeKey.length >= LEAST_FOUND && value.includes(writeKey));
}

/** Splits a query at the values of parameters that hold secrets. Returns one piece if there are none. */
export function cutQuery(query: string, writeKey: string | null): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const { index, 0: parameter, 1: name = '', 2: value = '' } of query.matchAll(PARAMETER)) {
    const isSecret =
      SECRET_HEADER.test(name.toLowerCase()) || (writeKey !== null && holdsKey(decoded(value), writeKey));
    if (value === '' || !isSecret) continue;
    const end = index + parameter.length;
    pieces.push(query.slice(from, end - value.length));
    from = end;
  }
  pieces.push(query.slice(from));
  return pieces;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * Splits a JSON text at write keys: the values of every field `writeKey`, and every string that equals the key. Returns
 * one piece if there are none.
 */
export function cutKeys(text: string, writeKey: string | null): string[] {
  const pieces: string[] = [];
  let from = 0;
  const cut = (start: number, end: number): void => {
    pieces.push(text.slice(from, start));
    from = end;
  };
  for (const { start, end } of keysIn(text, writeKey)) if (start >= from) cut(start, end);
  pieces.push(text.slice(from));
  return pieces;
}

/** The same as one text, with a mask for each key. */
export function maskKeys(text: string, writeKey: string | null): string {
  return cutKeys(text, writeKey).join(MASK);
}

function keysIn(text: string, writeKey: string | null): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (const { index, 1: before = '', 2: value = '' } of text.matchAll(KEY_FIELD)) {
    const start = index + before.length;
    found.push({ start, end: start + value.length });
  }
  if (writeKey === null || writeKey.length < LEAST_FOUND) return found;
  const quoted = JSON.stringify(writeKey);
  for (let at = text.indexOf(quoted); at !== -1; at = text.indexOf(quoted, at + 1)) {
    found.push({ start: at + 1, end: at + quoted.length - 1 });
  }
  return found.sort((one, other) => one.start - other.start);
}
