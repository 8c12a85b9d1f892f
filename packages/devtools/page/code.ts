// Writes the SDK call that sends an event again, as JavaScript.
import { ExactNumber } from './exact.js';

const COMMON = ['userId', 'anonymousId'];
const LAST = ['context', 'integrations'];

/** The fields of each call, in their usual order. The SDK refuses any others. */
const FIELDS: Record<string, string[]> = {
  track: [...COMMON, 'event', 'properties', ...LAST],
  identify: [...COMMON, 'traits', ...LAST],
  page: [...COMMON, 'category', 'name', 'properties', ...LAST],
  screen: [...COMMON, 'category', 'name', 'properties', ...LAST],
  group: [...COMMON, 'groupId', 'traits', ...LAST],
  alias: ['previousId', 'userId', ...LAST],
};

/** Whether the SDK has a call for a type. */
export function hasCall(type: string): boolean {
  return Object.hasOwn(FIELDS, type);
}

/**
 * Returns `analytics.track({ … });` for an event whose type has a call. Leaves out messageId, timestamp and
 * `context.library`, because the client gives the new event its own.
 */
export function codeOf(type: string, event: Record<string, unknown>): string {
  const call = Object.fromEntries(
    (FIELDS[type] ?? [])
      .map((name) => [name, name === 'context' ? withoutLibrary(event[name]) : event[name]] as const)
      .filter(([, value]) => value !== undefined && value !== null),
  );
  return `analytics.${type}(${literal(call, '')});\n`;
}

function withoutLibrary(context: unknown): unknown {
  if (typeof context !== 'object' || context === null) return undefined;
  const { library: _, ...rest } = context as Record<string, unknown>;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function literal(value: unknown, indent: string): string {
  if (typeof value === 'string') return quote(value);
  if (value instanceof ExactNumber)
    return /^-?\d{16,}$/.test(value.digits) ? `${value.digits}n` : value.digits;
  if (typeof value !== 'object' || value === null) return String(value);
  const inner = `${indent}  `;
  const isList = Array.isArray(value);
  const parts = isList
    ? value.map((item: unknown) => literal(item, inner))
    : Object.entries(value).map(([key, item]) => `${keyOf(key)}: ${literal(item, inner)}`);
  const [open, close] = isList ? '[]' : '{}';
  if (parts.length === 0) return `${open}${close}`;
  const line = isList ? `[${parts.join(', ')}]` : `{ ${parts.join(', ')} }`;
  if (indent !== '' && line.length <= 60 && !line.includes('\n')) return line;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)},\n${indent}${close}`;
}

/** As a plain key, `__proto__` would set the prototype. */
function keyOf(key: string): string {
  if (key === '__proto__') return "['__proto__']";
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : quote(key);
}

function quote(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}
