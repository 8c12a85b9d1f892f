// Finds the elements of a JSON array and the members of a JSON object in their text, which must be valid JSON.
//
// Parsing an event and writing it again can change it, because `JSON.parse` rounds numbers that a double can't hold.
// These functions find its bytes instead.

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

/** The bytes of a value, from `start` to `end`, exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** A member of an object. */
export interface Member {
  name: string;
  value: Span;
}

/** Returns the elements of an array. `span` starts at its `[` or at white space before it. */
export function elementsOf(json: Buffer, span: Span): Span[] {
  const elements: Span[] = [];
  let at = skipSpace(json, skipSpace(json, span.start) + 1);
  while (at < span.end && !closes(json[at])) {
    const end = endOfValue(json, at);
    elements.push({ start: at, end });
    at = skipSpace(json, end);
    if (json[at] === COMMA) at = skipSpace(json, at + 1);
  }
  return elements;
}

/** Returns the members of an object, including repeated names. `span` starts at its `{` or at white space before it. */
export function membersOf(json: Buffer, span: Span): Member[] {
  const members: Member[] = [];
  let at = skipSpace(json, skipSpace(json, span.start) + 1);
  while (at < span.end && !closes(json[at])) {
    const nameEnd = endOfValue(json, at);
    const quoted = json.toString('utf8', at, nameEnd);
    const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    // After the colon.
    at = skipSpace(json, skipSpace(json, nameEnd) + 1);
    const end = endOfValue(json, at);
    members.push({ name, value: { start: at, end } });
    at = skipSpace(json, end);
    if (json[at] === COMMA) at = skipSpace(json, at + 1);
  }
  return members;
}

/** Returns the value of a member. If the name repeats, the last one counts, as in `JSON.parse`. */
export function memberOf(json: Buffer, span: Span, name: string): Span | undefined {
  return membersOf(json, span).findLast((member) => member.name === name)?.value;
}

function endOfValue(json: Buffer, start: number): number {
  const first = json[start];
  if (first === QUOTE) return endOfString(json, start);
  let at = start;
  if (!opens(first)) {
    while (at < json.length && json[at] !== COMMA && !closes(json[at]) && !isSpace(json[at])) at += 1;
    return at;
  }
  let depth = 0;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfString(json, at);
      continue;
    }
    at += 1;
    if (opens(byte)) depth += 1;
    else if (closes(byte)) {
      depth -= 1;
      if (depth === 0) break;
    }
  }
  return at;
}

function endOfString(json: Buffer, start: number): number {
  let end = json.indexOf(QUOTE, start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (json[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end + 1;
    end = json.indexOf(QUOTE, end + 1);
  }
  return json.length;
}

function skipSpace(json: Buffer, start: number): number {
  let at = start;
  while (isSpace(json[at])) at += 1;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function opens(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b;
}

function closes(byte: number | undefined): boolean {
  return byte === 0x7d || byte === 0x5d;
}
