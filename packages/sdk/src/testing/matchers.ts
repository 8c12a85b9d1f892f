// A client for tests and what is expected of it -> passed, or the nearest event and how it differs. Used by vitest.ts
// and jest.ts, whose `expect.extend()` takes the same matchers.
import type { Id } from '../event/event.js';
import { suggest } from '../input/suggest.js';
import { type RecordedEvent, TestAnalytics } from './test-analytics.js';

/** What Vitest and Jest hand to a matcher, as far as it is needed here. */
interface MatcherContext {
  readonly isNot?: boolean;
  // Methods, because each of the two has types of its own for what they take.
  equals(a: unknown, b: unknown, testers?: Tester[]): boolean;
  readonly utils: {
    diff(expected: unknown, received: unknown): string | null | undefined;
    stringify(value: unknown): string;
    readonly iterableEquality: unknown;
    readonly subsetEquality: unknown;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: each of the two has a type of its own, and nothing here looks into it.
type Tester = any;

interface Result {
  readonly pass: boolean;
  message(): string;
}

/** What a value is held against: of objects the fields given, at any depth, and the likes of `expect.any(Number)`. */
type Partly = Readonly<Record<string, unknown>>;

/** What `expect()` has more. */
export interface AnalyticsMatchers<R = void> {
  /** An event of that name was tracked, with at least these properties as they are sent. */
  toHaveTracked(event: string, properties?: object): R;
  /** A user of that `userId` or `anonymousId` was identified, with at least these traits as they are sent. */
  toHaveIdentified(id: Id, traits?: object): R;
}

/** For `expect.extend(matchers)`. */
export const matchers = {
  toHaveTracked(this: MatcherContext, received: unknown, event: string, properties?: object): Result {
    const tracks = recorded('toHaveTracked', received).tracks;
    return judge(this, {
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
    return judge(this, {
      verb: 'identified',
      wanted,
      expected: traits,
      field: 'traits',
      candidates: identifies.filter(({ userId, anonymousId }) => userId === wanted || anonymousId === wanted),
      others: identifies.map(({ userId, anonymousId }) => userId ?? anonymousId ?? ''),
    });
  },
};

/** One question to the record. */
interface Question {
  readonly verb: 'tracked' | 'identified';
  readonly wanted: string;
  readonly expected: object | undefined;
  readonly field: 'properties' | 'traits';
  /** Events that are what is wanted, but for the field. */
  readonly candidates: readonly RecordedEvent[];
  /** What there is of that type. */
  readonly others: readonly string[];
}

function judge(context: MatcherContext, question: Question): Result {
  const { verb, wanted, expected, field, candidates, others } = question;
  const testers = [context.utils.iterableEquality, context.utils.subsetEquality];
  const agrees = (actual: unknown, wish: unknown): boolean => context.equals(actual, wish, testers);
  const found = candidates.filter((each) => expected === undefined || agrees(each[field] ?? {}, expected));
  const with_ = expected === undefined ? '' : ` with these ${field}`;
  const sentence = `'${wanted}' to be ${verb}${with_}`;
  return {
    pass: found.length > 0,
    message() {
      if (found.length > 0) {
        const times = found.length === 1 ? 'once' : `${found.length} times`;
        return `Expected ${sentence} never; it was, ${times}:\n\n${context.utils.stringify(found[0])}`;
      }
      if (candidates.length === 0) return `Expected ${sentence}; ${listed(verb, wanted, others)}`;
      const wish: Partly = { ...expected };
      const [nearest = {}] = candidates
        .map((each): Partly => each[field] ?? {})
        .sort((one, other) => agreement(other) - agreement(one));
      const among = candidates.length === 1 ? 'it has' : `the nearest of ${candidates.length} has`;
      return `Expected ${sentence}; ${among}:\n\n${context.utils.diff(wish, sharedPart(nearest, wish)) ?? ''}`;

      function agreement(actual: Partly): number {
        return Object.keys(wish).filter((name) => agrees(actual[name], wish[name])).length;
      }
    },
  };
}

function recorded(matcher: string, received: unknown): TestAnalytics {
  if (received instanceof TestAnalytics) return received;
  throw new TypeError(
    `${matcher}() looks at a client that createTestAnalytics() made; expect() was given another thing`,
  );
}

function listed(verb: string, wanted: string, others: readonly string[]): string {
  if (others.length === 0) return `nothing was ${verb}`;
  const counts = new Map<string, number>();
  for (const name of others) counts.set(name, (counts.get(name) ?? 0) + 1);
  const lines = [...counts].map(([name, count]) => `\n  '${name}'${count === 1 ? '' : `, ${count} times`}`);
  return `${verb} ${others.length === 1 ? 'was' : 'were'}${suggest(wanted, counts.keys())}${lines.join('')}`;
}

/** Of what was received the fields that are expected, so that the difference shows nothing else. */
function sharedPart(received: unknown, expected: unknown): unknown {
  if (!isPlain(received) || !isPlain(expected)) return received;
  const shared: Record<string, unknown> = {};
  for (const name of Object.keys(expected)) {
    if (name in received) shared[name] = sharedPart(received[name], expected[name]);
  }
  return shared;
}

function isPlain(value: unknown): value is Partly {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
