// The whole page. Keeps the reader's choices.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Detail } from './detail.js';
import { EventList } from './event-list.js';
import { EVERYTHING, type Filter, Matching } from './filter.js';
import { Filters } from './filters.js';
import { count, plural } from './format.js';
import { Header } from './header.js';
import { Misbehave } from './misbehave.js';
import { saveAsNdjson } from './ndjson.js';
import { RequestDetail } from './request-detail.js';
import { RequestList } from './request-list.js';
import { currentRow, type EventRow, type RequestRow } from './row.js';
import { Stats } from './stats.js';
import type { Store } from './store.js';
import { Tabs, type View } from './tabs.js';
import { useWidth } from './use-width.js';

/** Width in px below which an event takes two lines. */
const TALL_BELOW = 620;

export function App({ store }: { store: Store }) {
  const [, bump] = useState(0);
  useEffect(() => store.subscribe(() => bump((times) => times + 1)), [store]);
  const [view, setView] = useState<View>('events');
  const [filter, setFilter] = useState<Filter>(EVERYTHING);
  const [chosenEvent, setEvent] = useState<EventRow | null>(null);
  const [chosenRequest, setRequest] = useState<RequestRow | null>(null);
  const [isRefusedOnly, setRefusedOnly] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [said, say] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const [pane, paneWidth] = useWidth();
  const totals = store.totals();
  const matching = useMemo(() => new Matching(), []);
  const rows = matching.read(store, filter);
  const requests = useMemo(
    () =>
      store.requests.filter(
        ({ sequence, accepted }) => within(sequence, filter) && !(isRefusedOnly && accepted),
      ),
    [store.requests, store.requests.length, store.epoch, filter, isRefusedOnly],
  );

  const event = currentRow(chosenEvent, store.events);
  const request = currentRow(chosenRequest, store.requests);

  useEffect(() => {
    // Earlier sequence numbers now belong to other requests.
    setFilter((before) => ({ ...before, after: 0, until: null }));
    setRequest(null);
  }, [store.run]);

  useEffect(() => {
    const onKey = (pressed: KeyboardEvent): void => {
      const { target, key } = pressed;
      if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
      if (target instanceof HTMLInputElement && target.type !== 'radio' && target.type !== 'checkbox') return;
      if (target instanceof HTMLSelectElement) return;
      if (key === '/') {
        pressed.preventDefault();
        setView('events');
        requestAnimationFrame(() => document.getElementById('search')?.focus());
      } else if (key === 'p') togglePause();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  function togglePause(): void {
    const isPaused = filter.until !== null;
    setFilter({ ...filter, until: isPaused ? null : store.last });
    say(isPaused ? 'Goes on' : 'Paused');
  }

  function close(): void {
    setOpen(false);
    requestAnimationFrame(() => list.current?.focus());
  }

  function showEventsOf({ sequence }: RequestRow): void {
    setFilter({ ...EVERYTHING, after: filter.after, until: filter.until, request: sequence });
    setView('events');
    setOpen(false);
  }

  function showRequest(row: RequestRow): void {
    setRequest(row);
    setView('requests');
    setOpen(true);
  }

  function narrow(next: Filter): void {
    setFilter(next);
    say(`${plural(new Matching().read(store, next).length, 'event')} of ${count(store.events.length)} match`);
  }

  return (
    <div class="app">
      <div class="top">
        <Header store={store} />
        <Misbehave status={store.status} say={say} />
      </div>
      <Stats
        store={store}
        showRefused={() => {
          setView('requests');
          setRefusedOnly(true);
          setOpen(false);
        }}
      />
      <main>
        <Tabs
          view={view}
          choose={(next) => {
            setView(next);
            setOpen(false);
          }}
          events={{ shown: rows.length, total: Math.max(rows.length, totals.events) }}
          requests={{ shown: requests.length, total: Math.max(requests.length, totals.requests) }}
          isPaused={filter.until !== null}
          waiting={filter.until === null ? 0 : store.last - filter.until}
          togglePause={togglePause}
          clear={() => {
            setFilter({ ...filter, after: store.last, until: null });
            setOpen(false);
          }}
        />
        <div class={isOpen ? 'panes opened' : 'panes'}>
          <div class="list-pane" ref={pane} id="panel" role="tabpanel" aria-labelledby={`tab-${view}`}>
            {view === 'events' ? (
              <>
                <Filters
                  filter={filter}
                  change={narrow}
                  store={store}
                  save={rows.length === 0 ? null : () => saveAsNdjson(rows, new Date())}
                />
                <EventList
                  store={store}
                  rows={rows}
                  filter={filter}
                  active={event}
                  activate={(row, open) => {
                    setEvent(row);
                    if (open) setOpen(true);
                  }}
                  listRef={list}
                  isTall={paneWidth < TALL_BELOW}
                  showAll={() => narrow({ ...EVERYTHING, after: filter.after, until: filter.until })}
                />
              </>
            ) : (
              <RequestList
                rows={requests}
                isRefusedOnly={isRefusedOnly}
                toggleRefusedOnly={() => setRefusedOnly(!isRefusedOnly)}
                active={request}
                activate={(row, open) => {
                  setRequest(row);
                  if (open) setOpen(true);
                }}
                listRef={list}
              />
            )}
          </div>
          {isOpen && view === 'events' && event !== null && (
            <Detail key={event.key} row={event} close={close} say={say} showRequest={showRequest} />
          )}
          {isOpen && view === 'requests' && request !== null && (
            <RequestDetail
              key={request.key}
              row={request}
              url={store.hello?.url ?? ''}
              close={close}
              say={say}
              showEvents={showEventsOf}
            />
          )}
        </div>
      </main>
      <p class="unseen" role="status">
        {said}
      </p>
    </div>
  );
}

function within(sequence: number, { after, until }: Filter): boolean {
  return sequence > after && (until === null || sequence <= until);
}
