// Validates behaviours and rules that arrive as JSON.

import { isObject } from '@offthread/tracking-api';
import type { Behaviour, Rule, ScriptItem } from './behaviour.js';

type Kind = 'number' | 'string' | 'boolean' | 'object' | 'anything';

/** The fields of each behaviour. A `?` marks an optional one. */
const FIELDS: Record<Behaviour['type'], Record<string, Kind>> = {
  ok: { 'delayMs?': 'number' },
  answer: { status: 'number', 'headers?': 'object', 'body?': 'anything', 'delayMs?': 'number' },
  drop: { after: 'string' },
  hang: {},
  'stall-upload': {},
  drip: { intervalMs: 'number', 'bytes?': 'number', 'head?': 'boolean' },
  truncate: {},
  huge: { bytes: 'number' },
  'gzip-bomb': { bytes: 'number' },
  garbage: {},
  redirect: { 'status?': 'number', location: 'string' },
  sometimes: { probability: 'number', 'seed?': 'number', behaviour: 'object' },
};

const MATCH_FIELDS: Record<string, Kind> = {
  'writeKey?': 'string',
  'messageId?': 'string',
  'eventName?': 'string',
  'minEvents?': 'number',
};

/** A behaviour, checked. Throws a TypeError that names the field. */
export function checkBehaviour(value: unknown, where = 'behaviour'): Behaviour {
  return checkItem(value, where, {});
}

/** The items of a script, checked. Throws a TypeError that names the item. */
export function checkScript(value: unknown): ScriptItem[] {
  if (!Array.isArray(value)) throw new TypeError('script: expected an array of behaviours');
  return value.map(
    (item, index) => checkItem(item, `script[${index}]`, { 'times?': 'number' }) as ScriptItem,
  );
}

/** Rules, checked. Throws a TypeError that names the rule. */
export function checkRules(value: unknown): Rule[] {
  if (!Array.isArray(value)) throw new TypeError('rules: expected an array of rules');
  return value.map((rule, index) => {
    const where = `rules[${index}]`;
    checkFields(rule, where, { match: 'object', behaviour: 'object', 'times?': 'number' });
    const { match, behaviour } = rule as Rule;
    checkFields(match, `${where}.match`, MATCH_FIELDS);
    checkBehaviour(behaviour, `${where}.behaviour`);
    return rule as Rule;
  });
}

function checkItem(value: unknown, where: string, extra: Record<string, Kind>): ScriptItem {
  if (!isObject(value)) throw new TypeError(`${where}: expected an object with a type`);
  const { type } = value;
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) {
    throw new TypeError(
      `${where}: unknown type ${JSON.stringify(type)}; one of ${Object.keys(FIELDS).join(', ')}`,
    );
  }
  const fields = FIELDS[type as Behaviour['type']];
  checkFields(value, where, { type: 'string', 'accept?': 'boolean', ...fields, ...extra });
  if (type === 'sometimes') {
    const inner = checkBehaviour(value['behaviour'], `${where}.behaviour`);
    if (inner.type === 'sometimes')
      throw new TypeError(`${where}.behaviour: 'sometimes' cannot contain another 'sometimes'`);
  }
  if (type === 'drop' && !['headers', 'body', 'partial-reply'].includes(String(value['after']))) {
    throw new TypeError(`${where}.after: expected headers, body or partial-reply`);
  }
  const { status } = value;
  if (typeof status === 'number' && !(Number.isInteger(status) && status >= 200 && status <= 599)) {
    throw new TypeError(`${where}.status: expected a whole number from 200 to 599`);
  }
  return value as unknown as ScriptItem; // Every field has been checked.
}

function checkFields(value: unknown, where: string, fields: Record<string, Kind>): void {
  if (!isObject(value)) throw new TypeError(`${where}: expected an object`);
  const known = new Map(
    Object.entries(fields).map(([name, kind]) => [name.replace('?', ''), { kind, name }]),
  );
  for (const name of Object.keys(value)) {
    if (!known.has(name)) throw new TypeError(`${where}: unknown field ${name}`);
  }
  for (const [name, field] of known) {
    const given = value[name];
    if (given === undefined && field.name.endsWith('?')) continue;
    if (!isKind(given, field.kind)) throw new TypeError(`${where}.${name}: expected ${field.kind}`);
  }
}

function isKind(value: unknown, kind: Kind): boolean {
  if (kind === 'anything') return true;
  if (kind === 'object') return isObject(value);
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value) && value >= 0;
  return typeof value === kind;
}
