// In: a request. Out: what it carried and what became of it. Next: its events, in the other list.
import { bytes, clock, count, duration, plural } from './format.js';
import { outcomeOf, reasonOf, toneOf } from './outcome.js';
import { Facts, Panel } from './panel.js';
import type { RequestRow } from './row.js';

interface Props {
  row: RequestRow;
  close: () => void;
  showEvents: (request: RequestRow) => void;
}

export function RequestDetail({ row, close, showEvents }: Props) {
  const reason = reasonOf(row);
  const unpacked = row.plainBytes === null || row.plainBytes === row.bodyBytes;
  return (
    <Panel
      title={`${row.method} ${row.path}`}
      kicker={<span class="type">#{row.sequence}</span>}
      close={close}
    >
      {reason !== null && (
        <p class="refused">
          <b>Not accepted.</b> {reason}
        </p>
      )}
      <Facts
        facts={[
          ['Received', clock(row.receivedMs)],
          [
            'Result',
            <span class={toneOf(row)} key="result">
              {outcomeOf(row)}
            </span>,
          ],
          ['Connection', row.state],
          ['Latency', row.durationMs === null ? '…' : duration(row.durationMs)],
          ['Retry', row.retries === 0 ? 'first attempt' : count(row.retries)],
          ['Events', count(row.eventCount)],
          [
            'Body',
            unpacked
              ? bytes(row.bodyBytes)
              : `${bytes(row.bodyBytes)}, unpacked ${bytes(row.plainBytes ?? 0)}`,
          ],
          ['sentAt', row.sentAt === null ? '–' : clock(Date.parse(row.sentAt))],
          ['User-Agent', row.userAgent ?? '–'],
        ]}
      />
      {row.eventCount > 0 && (
        <div class="copies">
          <button type="button" onClick={() => showEvents(row)}>
            Show its {plural(row.eventCount, 'event')}
          </button>
        </div>
      )}
    </Panel>
  );
}
