// In: which list is shown. Out: the bar that chooses it, pauses and clears. Next: app.tsx.
import { count } from './format.js';

export type View = 'events' | 'requests';

interface Props {
  view: View;
  choose: (view: View) => void;
  events: number;
  requests: number;
  isPaused: boolean;
  /** Requests that came since the pause. */
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
            {label} <span class="amount">{count(counts[each])}</span>
          </button>
        ))}
      </div>
      <span class="waiting">{isPaused && waiting > 0 && `${count(waiting)} new requests wait`}</span>
      <button type="button" aria-pressed={isPaused} onClick={togglePause} aria-keyshortcuts="p">
        {isPaused ? 'Resume' : 'Pause'}
      </button>
      <button type="button" onClick={clear}>
        Clear
      </button>
    </div>
  );
}
