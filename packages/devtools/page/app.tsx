// In: the store. Out: the whole page; what the reader chose is kept here. Next: the file of each part.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Detail } from './detail.js';
import { EventList } from './event-list.js';
import { EVERYTHING, type Filter, Matching } from './filter.js';
import { Filters } from './filters.js';
import { count, plural } from './format.js';
import { Header } from './header.js';
import { Misbehave } from './misbehave.js';
import { RequestDetail } from './request-detail.js';
import { RequestList } from './request-list.js';
import type { EventRow, RequestRow } from './row.js';
import { Stats } from './stats.js';
import type { Store } from './store.js';
import { Tabs, type View } from './tabs.js';

export function App({ store }: { store: Store }) {
  const [, bump] = useState(0);
  useEffect(() => store.subscribe(() => bump((times) => times + 1)), [store]);
  const [view, setView] = useState<View>('events');
  const [filter, setFilter] = useState<Filter>(EVERYTHING);
  const [event, setEvent] = useState<EventRow | null>(null);
  const [request, setRequest] = useState<RequestRow | null>(null);
  const [isRefusedOnly, setRefusedOnly] = useState(false);
  const [isOpen, setOpen] = useState(false);
  const [said, say] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const matching = useMemo(() => new Matching(), []);
  const rows = matching.read(store, filter);
  const requests = useMemo(
    () =>
      store.requests.filter(
        ({ sequence, accepted }) => within(sequence, filter) && !(isRefusedOnly && accepted),
      ),
    [store.requests, store.requests.length, store.epoch, filter, isRefusedOnly],
  );

  useEffect(() => {
    // What was cleared or paused is told by those numbers.
    setFilter((before) => ({ ...before, after: 0, until: null }));
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
      <Header store={store} />
      <Misbehave status={store.status} say={say} />
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
          events={rows.length}
          requests={requests.length}
          isPaused={filter.until !== null}
          waiting={filter.until === null ? 0 : store.last - filter.until}
          togglePause={togglePause}
          clear={() => {
            setFilter({ ...filter, after: store.last, until: null });
            setOpen(false);
          }}
        />
        <div class={isOpen ? 'panes opened' : 'panes'}>
          <div class="list-pane" id="panel" role="tabpanel" aria-labelledby={`tab-${view}`}>
            {view === 'events' ? (
              <>
                <Filters filter={filter} change={narrow} store={store} />
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
            <RequestDetail row={request} close={close} showEvents={showEventsOf} />
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
