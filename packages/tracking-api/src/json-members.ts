// The members of a JSON object as texts, so that one can be changed without changing the digits of the others.
import { type Member, membersOf, type Span } from './json-spans.js';

const BRACE = 0x7b;

/** The values of an object as JSON texts, by name. */
export type Members = Map<string, string>;

/** Returns the members of a JSON object; none if the text isn't an object. If a name repeats, the last one counts. */
export function readMembers(json: string): Members {
  const bytes = Buffer.from(json.trimStart());
  return bytes[0] === BRACE ? membersIn(bytes, { start: 0, end: bytes.length }) : new Map();
}

/** Returns the JSON text of an object with these members. */
export function writeMembers(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

/** Returns the members of the object at `span`. */
export function membersIn(json: Buffer, span: Span): Members {
  return toMembers(json, membersOf(json, span));
}

export function toMembers(json: Buffer, found: readonly Member[]): Members {
  return new Map(found.map(({ name, value }) => [name, json.toString('utf8', value.start, value.end)]));
}
