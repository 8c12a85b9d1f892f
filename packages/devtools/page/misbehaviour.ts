// The faults to choose from, and their behaviours.
import type { Behaviour, PlainBehaviour } from '../src/faults/behaviour.js';

export interface Choice {
  id: string;
  label: string;
  behaviour: PlainBehaviour;
  /** What a program should do about it. */
  hint: string;
}

export const NORMAL: Choice = { id: 'ok', label: 'Normal', behaviour: { type: 'ok' }, hint: '' };

export const CHOICES: readonly Choice[] = [
  NORMAL,
  {
    id: '429',
    label: '429',
    behaviour: { type: 'answer', status: 429, headers: { 'retry-after': '1' } },
    hint: 'answered with 429 and Retry-After: 1. A program waits and sends the same batch again.',
  },
  {
    id: '500',
    label: '500',
    behaviour: { type: 'answer', status: 500 },
    hint: 'answered with 500. A program backs off and sends the same batch again.',
  },
  {
    id: 'slow',
    label: 'Slow',
    behaviour: { type: 'ok', delayMs: 3_000 },
    hint: 'answered 3 seconds late. Events wait in the program meanwhile, and its requests go on.',
  },
  {
    id: 'drop',
    label: 'Drop connection',
    behaviour: { type: 'drop', after: 'body' },
    hint: 'cut off without a reply. A program connects again and sends the same batch again.',
  },
];

/** The current fault: a choice, or `null` for a behaviour that was set elsewhere, and its frequency. */
export interface Standing {
  choice: Choice | null;
  probability: number;
}

/** The frequency as a probability and as a text. */
export const SHARES: readonly { probability: number; label: string }[] = [
  { probability: 1, label: 'every request' },
  { probability: 0.5, label: '1 request in 2' },
  { probability: 0.1, label: '1 request in 10' },
];

export function behaviourOf({ behaviour }: Choice, probability: number): Behaviour {
  if (behaviour.type === 'ok' && behaviour.delayMs === undefined) return behaviour;
  return probability === 1 ? behaviour : { type: 'sometimes', probability, behaviour };
}

/** The choice that a behaviour corresponds to. */
export function choiceOf(standing: Behaviour): Standing {
  const [behaviour, probability] =
    standing.type === 'sometimes' ? [standing.behaviour, standing.probability] : [standing, 1];
  const text = JSON.stringify(behaviour);
  return { choice: CHOICES.find((each) => JSON.stringify(each.behaviour) === text) ?? null, probability };
}
