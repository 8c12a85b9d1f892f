// The list of matching events, or a hint if there are none.
import type { RefObject } from 'preact';
import { type Filter, isNarrow } from './filter.js';
import { eventToneOf, outcomeOf } from './outcome.js';
import { previewOf } from './preview.js';
import type { EventRow } from './row.js';
import type { Store } from './store.js';
import { Line } from './text.js';
import { Time } from './time.js';
import { typeClass } from './type-class.js';
import { VirtualList } from './virtual-list.js';

interface Props {
  store: Store;
  rows: EventRow[];
  filter: Filter;
  active: EventRow | null;
  activate: (row: EventRow, open: boolean) => void;
  listRef: RefObject<HTMLDivElement | null>;
  showAll: () => void;
  /** Whether an event takes two lines instead of columns. */
  isTall: boolean;
}

export function EventList({ store, rows, filter, active, activate, listRef, showAll, isTall }: Props) {
  if (rows.length === 0) return <Nothing store={store} filter={filter} showAll={showAll} />;
  return (
    <>
      <div class={isTall ? 'unseen' : 'columns events'} aria-hidden="true">
        <span>Time</span>
        <span class="kind">Type</span>
        <span>Name</span>
        <span>Properties, traits</span>
        <span>User</span>
        <span class="warn">
          <span class="what">Warnings</span>
        </span>
        <span class="end">Result</span>
      </div>
      <VirtualList
        label="Events, newest first"
        rows={rows}
        rowHeight={isTall ? 50 : 28}
        active={active}
        activate={activate}
        classOf={(row) => `event ${isTall ? 'tall' : 'flat'} ${eventToneOf(row)}`}
        listRef={listRef}
      >
        {(row) => <Cells row={row} />}
      </VirtualList>
    </>
  );
}

function Cells({ row }: { row: EventRow }) {
  const preview = previewOf(row);
  return (
    <>
      <Time ms={row.request.receivedMs} />
      <span class={`kind ${typeClass(row.type)}`}>
        <Line text={row.type} />
      </span>
      <span class={row.isNamed ? 'name' : 'name aside'}>
        {(row.isNamed || preview === '') && <Line text={row.name} />}
      </span>
      <span class="preview">
        <bdi>{preview}</bdi>
      </span>
      <span class={row.isAnonymous ? 'user aside' : 'user'}>
        <Line text={row.user} />
      </span>
      <Remark warnings={row.warnings} />
      <span class="end outcome">{outcomeOf(row.request)}</span>
    </>
  );
}

/** The problems of an event, or its style warnings if it has no problems. */
function Remark({ warnings }: Pick<EventRow, 'warnings'>) {
  const problems = warnings.filter(({ level }) => level === 'problem');
  const titles = (problems.length > 0 ? problems : warnings).map(({ title }) => title);
  if (titles.length === 0) return <span class="warn" />;
  return (
    <span class={problems.length > 0 ? 'warn' : 'warn quiet'} title={titles.join('\n')}>
      {problems.length > 0 && <span aria-hidden="true">⚠ </span>}
      <span class="what">{titles.join(', ')}</span>
    </span>
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
