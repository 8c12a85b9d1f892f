// The JSON text of each event of a body, digit by digit as it was sent.
import { elementsOf, type Member, membersOf, type Span } from './json-spans.js';
import type { EventRoute } from './route.js';

const BRACE = 0x7b;
const BRACKET = 0x5b;

/** The texts of the members of an object, by name. */
type Texts = Map<string, string>;

/**
 * The JSON text of each event that `parseBody` finds in the same body, in the same order, and with the same changes.
 * Numbers that `JSON.parse` would round are as they were. `body` must be one that `parseBody` does not refuse.
 */
export function eventTexts(body: Buffer, route: EventRoute): string[] {
  const all = { start: 0, end: body.length };
  if (route.type === 'event') {
    const texts = textsOf(body, all);
    texts.delete('writeKey');
    texts.delete('sentAt');
    texts.set('type', JSON.stringify(route.eventType));
    return [write(texts)];
  }
  const members = membersOf(body, all);
  const batch = last(members, 'batch');
  if (batch === undefined || body[batch.start] !== BRACKET) return [];
  const common = new Map<string, Texts>();
  for (const name of ['context', 'integrations']) {
    const span = last(members, name);
    if (span !== undefined && body[span.start] === BRACE) common.set(name, textsOf(body, span));
  }
  return elementsOf(body, batch).map((span) => textOf(body, span, common));
}

function textOf(body: Buffer, span: Span, common: ReadonlyMap<string, Texts>): string {
  const isObject = body[span.start] === BRACE;
  const members = isObject ? membersOf(body, span) : [];
  const isChanged = isObject && (common.size > 0 || members.some(({ name }) => name === 'writeKey'));
  if (!isChanged) return body.toString('utf8', span.start, span.end);
  const texts = toTexts(body, members);
  texts.delete('writeKey');
  for (const [name, values] of common) {
    const own = last(members, name);
    if (own === undefined || texts.get(name) === 'null') texts.set(name, write(values));
    else if (body[own.start] === BRACE) texts.set(name, write(new Map([...values, ...textsOf(body, own)])));
  }
  return write(texts);
}

function textsOf(body: Buffer, span: Span): Texts {
  return toTexts(body, membersOf(body, span));
}

/** Of a name that repeats, the last value counts, as for `JSON.parse`. */
function toTexts(body: Buffer, members: readonly Member[]): Texts {
  return new Map(members.map(({ name, value }) => [name, body.toString('utf8', value.start, value.end)]));
}

function write(texts: Texts): string {
  return `{${[...texts].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}

function last(members: readonly Member[], name: string): Span | undefined {
  return members.findLast((member) => member.name === name)?.value;
}
