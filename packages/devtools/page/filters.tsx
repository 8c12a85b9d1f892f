// In: the filter. Out: the controls that change it. Next: filter.ts finds the rows.

import { EVENT_TYPES } from '@offthread/tracking-api/event-rules';
import { useMemo } from 'preact/hooks';
import { EVERYTHING, type Filter, isNarrow } from './filter.js';
import type { Store } from './store.js';

interface Props {
  filter: Filter;
  change: (filter: Filter) => void;
  store: Store;
}

type TextField = 'name' | 'user' | 'text';

/** Names offered. */
const OFFERED = 100;

export function Filters({ filter, change, store }: Props) {
  // Not at each arrival: the list is for choosing from, and may lag.
  const names = useMemo(() => namesIn(store), [store.epoch, store.events.length >> 6]);
  const toggle = (type: string): void => {
    const { types } = filter;
    change({
      ...filter,
      types: types.includes(type) ? types.filter((each) => each !== type) : [...types, type],
    });
  };
  return (
    <search class="filters" aria-label="Filter events">
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
      </fieldset>
      <div class="fields">
        {field('text', 'Search in events', 'search')}
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
          class="reset"
          onClick={() => change({ ...EVERYTHING, after: filter.after, until: filter.until })}
        >
          {filter.request === null ? 'Show all' : `Request #${filter.request} · show all`}
        </button>
      )}
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
    if (isNamed && name !== '') names.add(name);
    if (names.size >= OFFERED) break;
  }
  return [...names].sort();
}
