// Matchers for Vitest and Jest that check the events of a test client. Used by vitest.ts and jest.ts.
import type { Id } from '../event/event.js';
import { isPlainObject } from '../input/is-plain-object.js';
import { suggest } from '../input/suggest.js';
import { type RecordedEvent, TestAnalytics } from './test-analytics.js';

/** The parts of the context of a matcher that are used here, in Vitest and Jest. */
interface MatcherContext {
  readonly isNot?: boolean;
  // Methods, because their parameters are bivariant, and the two have different types for them.
  equals(a: unknown, b: unknown, testers?: Tester[]): boolean;
  readonly utils: {
    diff(expected: unknown, received: unknown): string | null | undefined;
    stringify(value: unknown): string;
    readonly iterableEquality: unknown;
    readonly subsetEquality: unknown;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: Vitest and Jest have different types for it, and it is only passed on.
type Tester = any;

interface Result {
  readonly pass: boolean;
  message(): string;
}

/**
 * Expected fields, at any depth. An object with more fields matches too. May contain `expect.any(Number)` and so on.
 */
type Partly = Readonly<Record<string, unknown>>;

/** The matchers that are added to `expect()`. */
export interface AnalyticsMatchers<R = void> {
  /** Passes if an event with this name was tracked, with at least these properties as they are sent. */
  toHaveTracked(event: string, properties?: object): R;
  /**
   * Passes if a user with this `userId` or `anonymousId` was identified, with at least these traits as they are sent.
   */
  toHaveIdentified(id: Id, traits?: object): R;
}

/** Pass this to `expect.extend()`. */
export const matchers = {
  toHaveTracked(this: MatcherContext, received: unknown, event: string, properties?: object): Result {
    const tracks = recorded('toHaveTracked', received).tracks;
    return match(this, {
      verb: 'tracked',
      wanted: event,
      expected: properties,
      field: 'properties',
      candidates: tracks.filter((each) => each.event === event),
      others: tracks.map((each) => each.event ?? ''),
    });
  },

  toHaveIdentified(this: MatcherContext, received: unknown, id: Id, traits?: object): Result {
    const identifies = recorded('toHaveIdentified', received).identifies;
    const wanted = String(id);
    return match(this, {
      verb: 'identified',
      wanted,
      expected: traits,
      field: 'traits',
      candidates: identifies.filter(({ userId, anonymousId }) => userId === wanted || anonymousId === wanted),
      others: identifies.map(({ userId, anonymousId }) => userId ?? anonymousId ?? ''),
    });
  },
};

/** What a matcher expects, and the recorded events to compare it with. */
interface Expectation {
  readonly verb: 'tracked' | 'identified';
  readonly wanted: string;
  readonly expected: object | undefined;
  readonly field: 'properties' | 'traits';
  /** Events that are what is wanted, but for the field. */
  readonly candidates: readonly RecordedEvent[];
  /** The names or ids of all events of the type. */
  readonly others: readonly string[];
}

function match(context: MatcherContext, expectation: Expectation): Result {
  const { verb, wanted, expected, field, candidates, others } = expectation;
  const testers = [context.utils.iterableEquality, context.utils.subsetEquality];
  const agrees = (actual: unknown, fields: unknown): boolean => context.equals(actual, fields, testers);
  const found = candidates.filter((each) => expected === undefined || agrees(each[field] ?? {}, expected));
  const with_ = expected === undefined ? '' : ` with these ${field}`;
  const outcome = `to be ${verb}${with_}`;
  return {
    pass: found.length > 0,
    message() {
      if (found.length > 0) {
        const times = found.length === 1 ? 'once' : `${found.length} times`;
        return `Expected '${wanted}' not ${outcome}; it was ${verb} ${times}:\n\n${context.utils.stringify(found[0])}`;
      }
      if (candidates.length === 0) return `Expected '${wanted}' ${outcome}; ${listed(verb, wanted, others)}`;
      const fields: Partly = { ...expected };
      const [nearest = {}] = candidates
        .map((each): Partly => each[field] ?? {})
        .sort((one, other) => agreement(other) - agreement(one));
      const among = candidates.length === 1 ? 'it has' : `the nearest of ${candidates.length} has`;
      return `Expected '${wanted}' ${outcome}; ${among}:\n\n${context.utils.diff(fields, sharedPart(nearest, fields)) ?? ''}`;

      function agreement(actual: Partly): number {
        return Object.keys(fields).filter((name) => agrees(actual[name], fields[name])).length;
      }
    },
  };
}

function recorded(matcher: string, received: unknown): TestAnalytics {
  if (received instanceof TestAnalytics) return received;
  throw new TypeError(
    `${matcher}() needs a client from createTestAnalytics(); expect() received something else`,
  );
}

function listed(verb: string, wanted: string, others: readonly string[]): string {
  if (others.length === 0) return `nothing was ${verb}`;
  const counts = new Map<string, number>();
  for (const name of others) counts.set(name, (counts.get(name) ?? 0) + 1);
  const lines = [...counts].map(([name, count]) => `\n  '${name}'${count === 1 ? '' : `, ${count} times`}`);
  const hint = suggest(wanted, counts.keys()) || ':';
  return `only ${counts.size === 1 ? 'this was' : 'these were'} ${verb}${hint}${lines.join('')}`;
}

/** Removes the fields that are not expected, so that the diff shows only the others. */
function sharedPart(received: unknown, expected: unknown): unknown {
  if (!isPlainObject(received) || !isPlainObject(expected)) return received;
  const shared: Record<string, unknown> = {};
  for (const name of Object.keys(expected)) {
    if (name in received) shared[name] = sharedPart(received[name], expected[name]);
  }
  return shared;
}
