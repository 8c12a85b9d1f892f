// In: the events found. Out: the list of them, or what to do when there are none. Next: detail.tsx opens one.
import type { RefObject } from 'preact';
import { type Filter, isNarrow } from './filter.js';
import { clock } from './format.js';
import { eventToneOf, outcomeOf } from './outcome.js';
import type { EventRow } from './row.js';
import type { Store } from './store.js';
import { VirtualList } from './virtual-list.js';

interface Props {
  store: Store;
  rows: EventRow[];
  filter: Filter;
  active: EventRow | null;
  activate: (row: EventRow, open: boolean) => void;
  listRef: RefObject<HTMLDivElement | null>;
  showAll: () => void;
}

export function EventList({ store, rows, filter, active, activate, listRef, showAll }: Props) {
  if (rows.length === 0) return <Nothing store={store} filter={filter} showAll={showAll} />;
  return (
    <>
      <div class="columns events" aria-hidden="true">
        <span>Time</span>
        <span class="kind">Type</span>
        <span>Name</span>
        <span>User</span>
        <span class="warn">
          <span class="what">Warnings</span>
        </span>
        <span class="end">Result</span>
      </div>
      <VirtualList
        label="Events, newest first"
        rows={rows}
        rowHeight={28}
        active={active}
        activate={activate}
        classOf={(row) => `event ${eventToneOf(row)}`}
        listRef={listRef}
      >
        {(row) => (
          <>
            <span class="time">{clock(row.request.receivedMs)}</span>
            <span class={`kind type ${row.type}`}>{row.type}</span>
            <span class={row.isNamed ? 'name' : 'name aside'}>{row.name}</span>
            <span class={row.isAnonymous ? 'user aside' : 'user'}>{row.user}</span>
            <span class="warn" title={row.warnings.map(({ title }) => title).join('\n')}>
              {row.warnings.length > 0 && (
                <>
                  <span aria-hidden="true">⚠ </span>
                  <span class="what">{row.warnings.map(({ title }) => title).join(', ')}</span>
                </>
              )}
            </span>
            <span class="end outcome">{outcomeOf(row.request)}</span>
          </>
        )}
      </VirtualList>
    </>
  );
}

function Nothing({ store, filter, showAll }: Pick<Props, 'store' | 'filter' | 'showAll'>) {
  const { hello } = store;
  if (hello === undefined) return <div class="nothing">Connecting…</div>;
  if (isNarrow(filter) && store.events.length > 0) {
    return (
      <div class="nothing">
        <p>No event matches.</p>
        <button type="button" onClick={showAll}>
          Show all
        </button>
      </div>
    );
  }
  if (hello.record !== 'all') {
    return <div class="nothing">This server counts, and keeps no events (record: {hello.record}).</div>;
  }
  return (
    <div class="nothing">
      <p>{filter.after > 0 ? 'Nothing new yet.' : 'No events yet. Point a client here:'}</p>
      {filter.after === 0 && (
        <pre>{`new Analytics({\n  writeKey: 'anything',\n  host: '${hello.url}',\n})`}</pre>
      )}
    </div>
  );
}
