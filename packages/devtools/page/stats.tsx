// The numbers at the top, for all events that arrived, counted like the lists.
import { Chart } from './chart.js';
import { bytes, count, duration, plural } from './format.js';
import type { RequestRow } from './row.js';
import type { Store } from './store.js';

/** Number of requests for the latency. */
const RECENT = 200;

export function Stats({ store, showRefused }: { store: Store; showRefused: () => void }) {
  const counts = store.status?.counts;
  const { median, slowest } = latencies(store.requests);
  const refused = counts?.refused ?? 0;
  const refusedEvents = counts?.refusedEvents ?? 0;
  const totals = store.totals();
  return (
    <section class="stats" aria-label="Counters">
      <dl>
        <Figure name="Events" value={count(totals.events)} />
        <Figure name="Requests" value={count(totals.requests)} />
        <div class={refused > 0 ? 'figure bad' : 'figure'}>
          <dt>Not accepted</dt>
          <dd>
            {refused > 0 ? (
              <>
                <button type="button" class="plain" onClick={showRefused} title="Show the requests">
                  {count(refused)}
                </button>
                {refusedEvents > 0 && <small> with {plural(refusedEvents, 'event')}</small>}
              </>
            ) : (
              '0'
            )}
          </dd>
        </div>
        <Figure name="Duplicates" value={count(counts?.duplicates ?? 0)} />
        <Figure isExtra name="Biggest batch" value={count(counts?.biggestBatch ?? 0)} />
        <Figure isExtra name="Biggest body" value={bytes(counts?.biggestBody ?? 0)} />
        <Figure isExtra name="Latency p50" value={median === null ? '–' : duration(median)} />
        <Figure isExtra name="p95" value={slowest === null ? '–' : duration(slowest)} />
      </dl>
      <Chart seconds={store.rate.read(store.now())} />
    </section>
  );
}

function Figure({ name, value, isExtra = false }: { name: string; value: string; isExtra?: boolean }) {
  return (
    <div class={isExtra ? 'figure extra' : 'figure'}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function latencies(requests: RequestRow[]): { median: number | null; slowest: number | null } {
  const times = requests
    .slice(-RECENT)
    .flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]))
    .sort((one, other) => one - other);
  const at = (share: number): number | null => times[Math.floor(times.length * share)] ?? null;
  return { median: at(0.5), slowest: at(0.95) };
}
