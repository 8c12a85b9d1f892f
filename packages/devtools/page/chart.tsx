// The events of the last minute as one bar per second, with events that weren't accepted on top.
import { count } from './format.js';
import { SECONDS, type Second } from './rate.js';

const HEIGHT = 36;

export function Chart({ seconds }: { seconds: Second[] }) {
  const totals = seconds.map(({ received, refused }) => received + refused);
  const peak = Math.max(...totals);
  const latest = totals.at(-1) ?? 0;
  const scale = HEIGHT / Math.max(peak, 1);
  return (
    <figure class="chart">
      <svg
        viewBox={`0 0 ${SECONDS * 4} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Events a second over the last minute: last ${count(latest)}, peak ${count(peak)}`}
      >
        <path class="received" d={bars(seconds.map(({ received }) => [0, received * scale]))} />
        <path
          class="refused"
          d={bars(seconds.map(({ received, refused }) => [received * scale, refused * scale]))}
        />
      </svg>
      <figcaption>
        <b>{count(latest)}</b>/s <span>peak {count(peak)}</span>
      </figcaption>
    </figure>
  );
}

/** Draws all bars as one path. */
function bars(columns: [from: number, height: number][]): string {
  return columns
    .map(([from, height], index) => {
      if (height === 0) return '';
      const tall = Math.max(height, 1);
      return `M${index * 4} ${(HEIGHT - from).toFixed(1)}v${(-tall).toFixed(1)}h3v${tall.toFixed(1)}z`;
    })
    .join('');
}
