// Chooses the behaviour of each request: script, then rules, then the standing behaviour.

import type { ReceivedEvent } from '@offthread/tracking-api';
import type { Behaviour, Match, PlainBehaviour, Rule, ScriptItem } from './behaviour.js';
import { seededRandom } from './seeded-random.js';

const ORDINARY: PlainBehaviour = { type: 'ok' };

/** The coming behaviours: the standing one, and the number of others before it. */
export interface PlannedBehaviour {
  standing: Behaviour;
  /** Number of requests that the script still covers. */
  scripted: number;
  rules: number;
}

/**
 * Chooses the behaviour of a request: the next item of the script (one for each request, in the order in which their
 * headers arrive), or else the first rule that matches, or else the standing behaviour.
 */
export class BehaviourPlan {
  #script: { behaviour: Behaviour; left: number }[] = [];
  #rules: { rule: Rule; left: number }[] = [];
  #standing: Behaviour = ORDINARY;
  #random = new WeakMap<object, () => number>();

  /** Adds items to the end of the script. */
  script(items: ScriptItem[]): void {
    for (const { times = 1, ...behaviour } of items) {
      if (times > 0) this.#script.push({ behaviour: behaviour as Behaviour, left: times });
    }
  }

  /** Replaces the standing behaviour. */
  behave(behaviour: Behaviour): void {
    this.#standing = behaviour;
  }

  /** Replaces all rules. */
  rules(rules: Rule[]): void {
    this.#rules = rules.map((rule) => ({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }));
  }

  /** Forgets script, rules and standing behaviour. */
  reset(): void {
    this.#script = [];
    this.#rules = [];
    this.#standing = ORDINARY;
  }

  /** The behaviours to come. */
  planned(): PlannedBehaviour {
    const scripted = this.#script.reduce((sum, { left }) => sum + left, 0);
    return { standing: this.#standing, scripted, rules: this.#rules.filter(({ left }) => left > 0).length };
  }

  /** Returns the behaviour after the headers have arrived, or `undefined` if a rule depends on the body. */
  forHeaders(writeKey: string | null): PlainBehaviour | undefined {
    const item = this.#script[0];
    if (item !== undefined) {
      item.left -= 1;
      if (item.left <= 0) this.#script.shift();
      return this.#resolve(item.behaviour);
    }
    return this.#rules.length > 0 ? this.#fromRules(writeKey, undefined) : this.#resolve(this.#standing);
  }

  /** Returns the behaviour after the body has been read, if `forHeaders` returned none. */
  forBody(writeKey: string | null, events: ReceivedEvent[]): PlainBehaviour {
    return this.#fromRules(writeKey, events) ?? ORDINARY;
  }

  #fromRules(writeKey: string | null, events: ReceivedEvent[] | undefined): PlainBehaviour | undefined {
    for (const entry of this.#rules) {
      const { match, behaviour } = entry.rule;
      if (entry.left <= 0) continue;
      // A write key that isn't in the headers may be in the body.
      const isKeyOpen = events === undefined && writeKey === null;
      if (match.writeKey !== undefined && match.writeKey !== writeKey && !isKeyOpen) continue;
      if (events === undefined && dependsOnBody(match, writeKey)) return undefined;
      if (!matches(match, events ?? [])) continue;
      entry.left -= 1;
      return this.#resolve(behaviour);
    }
    return this.#resolve(this.#standing);
  }

  #resolve(behaviour: Behaviour): PlainBehaviour {
    if (behaviour.type !== 'sometimes') return behaviour;
    const roll = this.#random.get(behaviour) ?? seededRandom(behaviour.seed ?? 1);
    this.#random.set(behaviour, roll);
    return roll() < behaviour.probability ? behaviour.behaviour : ORDINARY;
  }
}

function dependsOnBody(match: Match, writeKey: string | null): boolean {
  const { messageId, eventName, minEvents } = match;
  if (match.writeKey !== undefined && writeKey === null) return true;
  return messageId !== undefined || eventName !== undefined || minEvents !== undefined;
}

function matches(match: Match, events: ReceivedEvent[]): boolean {
  if (match.minEvents !== undefined && events.length < match.minEvents) return false;
  if (match.messageId === undefined && match.eventName === undefined) return true;
  return events.some(
    (event) =>
      (match.messageId === undefined || event.messageId === match.messageId) &&
      (match.eventName === undefined || event.event === match.eventName),
  );
}
