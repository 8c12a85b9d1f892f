// The time of a row, without milliseconds on a narrow screen.
import { clock } from './format.js';

export function Time({ ms }: { ms: number }) {
  const [seconds, rest] = clock(ms).split(/(?=[.,]\d+$)/);
  return (
    <span class="time">
      {seconds}
      <span class="ms">{rest}</span>
    </span>
  );
}
