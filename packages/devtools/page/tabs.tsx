// The bar with the lists, pause and clear.
import { count, plural } from './format.js';

export type View = 'events' | 'requests';

interface Amount {
  shown: number;
  total: number;
}

interface Props {
  view: View;
  choose: (view: View) => void;
  /** The number of shown items and of all items. */
  events: Amount;
  requests: Amount;
  isPaused: boolean;
  /** Number of requests since the pause. */
  waiting: number;
  togglePause: () => void;
  clear: () => void;
}

const VIEWS: { view: View; label: string }[] = [
  { view: 'events', label: 'Events' },
  { view: 'requests', label: 'Requests' },
];

export function Tabs({ view, choose, isPaused, waiting, togglePause, clear, ...counts }: Props) {
  const other = view === 'events' ? 'requests' : 'events';
  return (
    <div class="bar">
      <div role="tablist" aria-label="Lists" class="tabs">
        {VIEWS.map(({ view: each, label }) => (
          <button
            type="button"
            key={each}
            id={`tab-${each}`}
            role="tab"
            aria-selected={view === each}
            aria-controls="panel"
            tabIndex={view === each ? 0 : -1}
            onClick={() => choose(each)}
            onKeyDown={({ key }) => {
              if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
              choose(other);
              document.getElementById(`tab-${other}`)?.focus();
            }}
          >
            {label} <span class="amount">{amount(counts[each])}</span>
          </button>
        ))}
      </div>
      <span class="waiting">{isPaused && waiting > 0 && plural(waiting, 'new request')}</span>
      <button type="button" aria-pressed={isPaused} onClick={togglePause} aria-keyshortcuts="p">
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" onClick={clear}>
        Clear
      </button>
    </div>
  );
}

/** `10,131`, or `100 of 10,131`. */
function amount({ shown, total }: Amount): string {
  return shown === total ? count(total) : `${count(shown)} of ${count(total)}`;
}
