// The list of requests.
import type { RefObject } from 'preact';
import { bytes, count, duration, plural } from './format.js';
import { outcomeOf, reasonOf, toneOf } from './outcome.js';
import type { RequestRow } from './row.js';
import { Line } from './text.js';
import { Time } from './time.js';
import { VirtualList } from './virtual-list.js';

interface Props {
  rows: RequestRow[];
  isRefusedOnly: boolean;
  toggleRefusedOnly: () => void;
  active: RequestRow | null;
  activate: (row: RequestRow, open: boolean) => void;
  listRef: RefObject<HTMLDivElement | null>;
}

export function RequestList({ isRefusedOnly, toggleRefusedOnly, ...list }: Props) {
  return (
    <>
      <div class="filters">
        <button type="button" aria-pressed={isRefusedOnly} onClick={toggleRefusedOnly}>
          Not accepted only
        </button>
      </div>
      {list.rows.length > 0 ? (
        <Rows {...list} />
      ) : (
        <div class="nothing">{isRefusedOnly ? 'Every request was accepted.' : 'No requests yet.'}</div>
      )}
    </>
  );
}

function Rows({ rows, active, activate, listRef }: Pick<Props, 'rows' | 'active' | 'activate' | 'listRef'>) {
  return (
    <>
      <div class="columns requests" aria-hidden="true">
        <span>Time</span>
        <span class="end sequence">#</span>
        <span class="end">Events</span>
        <span class="end size">Bytes</span>
        <span class="end">Latency</span>
        <span>Status</span>
        <span class="why">Why, path</span>
      </div>
      <VirtualList
        label="Requests, newest first"
        rows={rows}
        rowHeight={28}
        active={active}
        activate={activate}
        classOf={(row) => `request ${toneOf(row)}`}
        listRef={listRef}
      >
        {(row) => (
          <>
            <Time ms={row.receivedMs} />
            <span class="end sequence aside">{row.sequence}</span>
            <span class="end">
              {count(row.eventCount)}
              <span class="unseen"> events</span>
            </span>
            <span class="end size">{bytes(row.bodyBytes)}</span>
            <span class="end">{row.durationMs === null ? '…' : duration(row.durationMs)}</span>
            <span class="outcome">{outcomeOf(row)}</span>
            <span class="why">
              {row.retries > 0 && <b class="retry">retry {row.retries}</b>}
              {toneOf(row) === 'bad' && (
                <span class="reason">
                  <Line text={reasonOf(row) ?? ''} />
                </span>
              )}
              {reasonOf(row) === null && row.faults.length > 0 && (
                <span class="reason">{plural(row.faults.length, 'fault')}</span>
              )}
              <span class="path">
                <Line text={row.path} />
              </span>
            </span>
          </>
        )}
      </VirtualList>
    </>
  );
}
