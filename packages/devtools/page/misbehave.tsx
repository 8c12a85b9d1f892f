// The switch that makes the API misbehave.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveStatus } from '../src/live/live-message.js';
import { plural } from './format.js';
import {
  behaviourOf,
  CHOICES,
  type Choice,
  choiceOf,
  NORMAL,
  SHARES,
  type Standing,
} from './misbehaviour.js';
import { behave } from './stream.js';
import { visibleLine } from './visible.js';

interface Props {
  status: LiveStatus | undefined;
  say: (text: string) => void;
}

export function Misbehave({ status, say }: Props) {
  const [share, setShare] = useState(1);
  const [fault, setFault] = useState('');
  // Shown immediately after the click, until the server confirms it.
  const [wanted, setWanted] = useState<Standing | null>(null);
  // A confirmation of an earlier click must not undo a later one.
  const unanswered = useRef(0);
  const text = JSON.stringify(status?.standing);
  useEffect(() => {
    if (unanswered.current === 0) setWanted(null);
  }, [text]);
  const standing = wanted ?? choiceOf(status?.standing ?? { type: 'ok' });
  const isNormal = standing.choice === NORMAL;
  const probability = isNormal ? share : standing.probability;

  const hint = fault || hintOf(status, standing.choice, probability);

  async function choose(choice: Choice, nextProbability: number): Promise<void> {
    setWanted({ choice, probability: nextProbability });
    unanswered.current++;
    try {
      await behave(behaviourOf(choice, nextProbability));
      setFault('');
      say(`The API answers: ${choice.label}`);
    } catch (error) {
      setWanted(null);
      setFault(`That did not work: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      unanswered.current--;
    }
  }

  return (
    <section class={isNormal ? 'misbehave' : 'misbehave on'} aria-label="What the API does">
      <fieldset class="switch">
        <legend>API answers</legend>
        {CHOICES.map((choice) => (
          <label key={choice.id}>
            <input
              type="radio"
              name="behaviour"
              value={choice.id}
              checked={standing.choice === choice}
              onChange={() => void choose(choice, probability)}
            />
            <span class="choice">{choice.label}</span>
          </label>
        ))}
      </fieldset>
      <label class="share">
        <span class="unseen">How often</span>
        <select
          value={String(probability)}
          onChange={({ currentTarget }) => {
            const next = Number(currentTarget.value);
            setShare(next);
            if (standing.choice !== null && !isNormal) void choose(standing.choice, next);
          }}
        >
          {SHARES.map(({ probability: each, label }) => (
            <option key={each} value={String(each)}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <p class="hint" title={hint}>
        {hint}
      </p>
    </section>
  );
}

function hintOf(status: LiveStatus | undefined, choice: Choice | null, probability: number): string {
  if (status === undefined) return '';
  const first = [
    status.scripted > 0 ? `First: ${plural(status.scripted, 'scripted answer')}.` : '',
    status.rules > 0 ? `Before this: ${plural(status.rules, 'rule')}.` : '',
  ]
    .filter(Boolean)
    .join(' ');
  const ordinary = status.strict
    ? 'A request with a fault in an event is refused. The Tracking API would answer 200.'
    : 'Requests are answered as the Tracking API would.';
  if (choice === NORMAL) return first || ordinary;
  if (choice === null) return `Set elsewhere: ${visibleLine(JSON.stringify(status.standing), 200)} ${first}`;
  const label = SHARES.find((share) => share.probability === probability)?.label ?? `${probability * 100} %`;
  return `${label.charAt(0).toUpperCase()}${label.slice(1)} is ${choice.hint} ${first}`;
}
