// The controls of the filter, and the export of the matching events.
import { EVENT_TYPES } from '@offthread/tracking-api/event-rules';
import { useMemo, useState } from 'preact/hooks';
import { EVERYTHING, type Filter, isNarrow, setBeside } from './filter.js';
import type { Store } from './store.js';
import { hasUnseen } from './visible.js';

interface Props {
  filter: Filter;
  change: (filter: Filter) => void;
  store: Store;
  /** Saves the matching events; `null` if there are none. */
  save: (() => void) | null;
}

type TextField = 'name' | 'user' | 'text';

/** Maximum number of suggested names, and their length. */
const OFFERED = 100;
const LONGEST_OFFERED = 80;

export function Filters({ filter, change, store, save }: Props) {
  // Initially closed on a narrow screen.
  const [isOpen, setOpen] = useState(false);
  const set = setBeside(filter);
  // Not updated for each event, because the list is only for choosing and may lag.
  const names = useMemo(() => namesIn(store), [store.epoch, store.events.length >> 6]);
  const toggle = (type: string): void => {
    const { types } = filter;
    change({
      ...filter,
      types: types.includes(type) ? types.filter((each) => each !== type) : [...types, type],
    });
  };
  return (
    <search class={isOpen ? 'filters open' : 'filters'} aria-label="Filter events">
      {field('text', 'Search in events', 'search')}
      <button type="button" class="more" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        Filters{set > 0 && ` (${set})`}
      </button>
      <fieldset class="types">
        <legend class="unseen">Types</legend>
        {EVENT_TYPES.map((type) => (
          <button
            type="button"
            key={type}
            class={`type ${type}`}
            aria-pressed={filter.types.includes(type)}
            onClick={() => toggle(type)}
          >
            {type}
          </button>
        ))}
        <button
          type="button"
          class="warned"
          aria-pressed={filter.warned}
          onClick={() => change({ ...filter, warned: !filter.warned })}
        >
          <span aria-hidden="true">⚠</span> warnings
        </button>
        <button
          type="button"
          aria-pressed={filter.unstyled}
          onClick={() => change({ ...filter, unstyled: !filter.unstyled })}
        >
          style
        </button>
      </fieldset>
      <div class="fields">
        {field('name', 'Name', 'filter-name')}
        {field('user', 'User', 'filter-user')}
      </div>
      <datalist id="names">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {isNarrow(filter) && (
        <button
          type="button"
          class="all"
          onClick={() => change({ ...EVERYTHING, after: filter.after, until: filter.until })}
        >
          {filter.request === null ? 'Show all' : `Request #${filter.request} · show all`}
        </button>
      )}
      <button
        type="button"
        class="save"
        disabled={save === null}
        onClick={() => save?.()}
        title="Save as NDJSON"
      >
        Export
      </button>
    </search>
  );

  function field(name: TextField, label: string, id: string) {
    return (
      <input
        id={id}
        type="search"
        class={name}
        placeholder={name === 'text' ? `${label}  /` : label}
        aria-label={label}
        aria-keyshortcuts={name === 'text' ? '/' : undefined}
        autocomplete="off"
        spellcheck={false}
        list={name === 'name' ? 'names' : undefined}
        value={filter[name]}
        onInput={({ currentTarget }) => change({ ...filter, [name]: currentTarget.value })}
      />
    );
  }
}

function namesIn({ events }: Store): string[] {
  const names = new Set<string>();
  for (const { name, isNamed } of events) {
    if (isNamed && name !== '' && name.length <= LONGEST_OFFERED && !hasUnseen(name)) names.add(name);
    if (names.size >= OFFERED) break;
  }
  return [...names].sort();
}
