// @offthread/tracking-api finds the text of each event in a body, exactly as it was sent, whatever else the body
// contains.
import {
  type EventRoute,
  eventTexts,
  type ParsedBody,
  parseBody,
  readMembers,
  writeMembers,
} from '@offthread/tracking-api';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const batch: EventRoute = { type: 'batch' };
const single: EventRoute = { type: 'event', eventType: 'track' };

function textsOf(body: string, route: EventRoute = batch): string[] {
  return eventTexts(Buffer.from(body), route);
}

function parsed(body: string, route: EventRoute = batch): ParsedBody {
  return parseBody(Buffer.from(body), route);
}

/** JSON text with white space in every possible place. */
function spaced(value: unknown, space: string): string {
  const inner = (item: unknown): string => spaced(item, space);
  if (Array.isArray(value)) return `${space}[${value.map(inner).join(',') || space}]${space}`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([name, item]) => `${space}${JSON.stringify(name)}${space}:${inner(item)}`,
    );
    return `${space}{${members.join(',') || space}}${space}`;
  }
  return `${space}${JSON.stringify(value)}${space}`;
}

const json = fc.jsonValue({ maxDepth: 3 });
const dictionary = fc.dictionary(fc.string(), json, { maxKeys: 4 });
const event = fc.record(
  {
    type: fc.constantFrom('track', 'page'),
    userId: fc.string(),
    context: fc.oneof(dictionary, json),
    integrations: fc.oneof(dictionary, json),
    properties: json,
    writeKey: fc.string(),
    'odd "name"\\': json,
    ['__proto__']: json,
  },
  { requiredKeys: [] },
);
const space = fc.constantFrom('', ' ', '\n\t\r ');

describe('the texts of events', () => {
  test('parse to the same events as any batch', () => {
    const body = fc.record(
      { batch: fc.array(fc.oneof(event, json)), context: fc.oneof(dictionary, json), integrations: json },
      { requiredKeys: ['batch'] },
    );
    fc.assert(
      fc.property(body, space, (value, space) => {
        const text = spaced(value, space);
        const { events } = parsed(text);
        const read = textsOf(text).map((one): unknown => JSON.parse(one));
        expect(read.length).toBe(events.length);
        for (const [index, event] of events.entries()) {
          if (event !== null) expect(read[index]).toEqual(event);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('parse to the same event as any single event', () => {
    fc.assert(
      fc.property(event, space, (value, space) => {
        const text = spaced({ ...value, sentAt: 'now' }, space);
        expect(JSON.parse(textsOf(text, single)[0] ?? '')).toEqual(parsed(text, single).events[0]);
      }),
      { numRuns: 300 },
    );
  });

  const big = '{"total":123456789012345678901234567890.123,"id":9007199254740993,"e":1.50e3}';

  test('keep the digits of every number, even if the event is changed', () => {
    const plain = `{"type":"track","userId":"u","event":"E","properties":${big}}`;
    expect(textsOf(`{"batch":[ ${plain} ]}`)).toEqual([plain]);
    const common = `"context":{"big":${big},"library":{"name":"x"}},"writeKey":"K"`;
    const [text] = textsOf(
      `{"batch":[{"context":{"own":18446744073709551617},"properties":${big}}],${common}}`,
    );
    expect(text).toBe(
      `{"context":{"big":${big},"library":{"name":"x"},"own":18446744073709551617},"properties":${big}}`,
    );
    expect(textsOf(`{"writeKey":"K","userId":1e400,"properties":${big},"sentAt":"now"}`, single)).toEqual([
      `{"userId":1e400,"properties":${big},"type":"track"}`,
    ]);
  });

  test('keep their white space if only an inner object has a writeKey', () => {
    const event = '{ "type": "track", "properties": { "writeKey": "of the customer" } }';
    expect(textsOf(`{"batch":[${event}]}`)).toEqual([event]);
  });

  test('come from the last batch, context or field if a name repeats', () => {
    const body =
      '{"batch":[1],"context":{"a":1},"batch":[{"context":{"b":1},"context":{"b":2,"b":3}}],"context":{"c":4}}';
    expect(parsed(body).events).toEqual([{ context: { c: 4, b: 3 } }]);
    expect(textsOf(body).map((text) => JSON.parse(text))).toEqual([{ context: { c: 4, b: 3 } }]);
  });

  test('are found if names are written with escapes', () => {
    const body = '{"\\u0062atch":[{"write\\u004bey":"K","type":"track"}]}';
    expect(parsed(body).events).toEqual([{ type: 'track' }]);
    expect(textsOf(body)).toEqual(['{"type":"track"}']);
  });

  test('are found however deep an event is', () => {
    const deep = `${'['.repeat(15_000)}${']'.repeat(15_000)}`;
    const event = `{"type":"track","userId":"u","event":"E","properties":{"deep":${deep}}}`;
    const { faults, refusal } = parsed(`{"batch":[${event}]}`);
    expect({ faults, refusal }).toEqual({ faults: [], refusal: null });
    expect(textsOf(`{"batch":[${event}]}`)).toEqual([event]);
  });

  test('are empty if there is no batch', () => {
    for (const body of ['{}', '{"batch":{}}', '{"batch":"[1]"}', '{"batch":[]}'])
      expect(textsOf(body)).toEqual([]);
  });
});

describe('the members of an event', () => {
  test('can be read and changed while all digits stay', () => {
    const members = readMembers('{"userId":9007199254740993,"context":{"ip":null,"big":1e400},"event":"E"}');
    expect([...members.keys()]).toEqual(['userId', 'context', 'event']);
    const context = readMembers(members.get('context') ?? '{}').set('ip', '"1.2.3.4"');
    members.set('context', writeMembers(context)).set('messageId', '"m"').delete('event');
    expect(writeMembers(members)).toBe(
      '{"userId":9007199254740993,"context":{"ip":"1.2.3.4","big":1e400},"messageId":"m"}',
    );
  });

  test('parse to the same members as any object', () => {
    fc.assert(
      fc.property(event, space, (value, space) => {
        expect(JSON.parse(writeMembers(readMembers(spaced(value, space))))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  test('are empty for anything but an object', () => {
    for (const json of ['[{"a":1}]', '"{}"', '5', 'null', ' {} ']) expect(readMembers(json).size).toBe(0);
  });
});
