// Returns the JSON text of each event of a body, with every digit as it was sent.
import { type Members, membersIn, toMembers, writeMembers } from './json-members.js';
import { elementsOf, type Member, membersOf, type Span } from './json-spans.js';
import type { EventRoute } from './route.js';

const BRACE = 0x7b;
const BRACKET = 0x5b;

/**
 * Returns the JSON text of each event that `parseBody` finds in the same body, in the same order and with the same
 * changes. Numbers that `JSON.parse` would round are unchanged. `body` must be one that `parseBody` doesn't refuse.
 */
export function eventTexts(body: Buffer, route: EventRoute): string[] {
  const all = { start: 0, end: body.length };
  if (route.type === 'event') {
    const texts = membersIn(body, all);
    texts.delete('writeKey');
    texts.delete('sentAt');
    texts.set('type', JSON.stringify(route.eventType));
    return [writeMembers(texts)];
  }
  const members = membersOf(body, all);
  const batch = last(members, 'batch');
  if (batch === undefined || body[batch.start] !== BRACKET) return [];
  const common = new Map<string, Members>();
  for (const name of ['context', 'integrations']) {
    const span = last(members, name);
    if (span !== undefined && body[span.start] === BRACE) common.set(name, membersIn(body, span));
  }
  return elementsOf(body, batch).map((span) => textOf(body, span, common));
}

function textOf(body: Buffer, span: Span, common: ReadonlyMap<string, Members>): string {
  const text = body.toString('utf8', span.start, span.end);
  // Escapes may hide the name of a member.
  const mayHaveKey = text.includes('"writeKey"') || text.includes('\\u');
  if (body[span.start] !== BRACE || (common.size === 0 && !mayHaveKey)) return text;
  const members = membersOf(body, span);
  if (common.size === 0 && last(members, 'writeKey') === undefined) return text;
  const texts = toMembers(body, members);
  texts.delete('writeKey');
  for (const [name, values] of common) {
    const own = last(members, name);
    if (own === undefined || texts.get(name) === 'null') texts.set(name, writeMembers(values));
    else if (body[own.start] === BRACE)
      texts.set(name, writeMembers(new Map([...values, ...membersIn(body, own)])));
  }
  return writeMembers(texts);
}

function last(members: readonly Member[], name: string): Span | undefined {
  return members.findLast((member) => member.name === name)?.value;
}
