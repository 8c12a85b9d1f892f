// Computes the rate of an import and the time left.

/** Milliseconds to average over: a slow reply shouldn't show, a lasting change should. */
const LOOK_BACK_MS = 10_000;

/** How far an import is. */
export interface Reach {
  readonly lines: number;
  /** 0 to 1; `undefined` if the size of the input is unknown. */
  readonly fraction: number | undefined;
}

/** Averages over the last seconds. Callers pass the time in milliseconds, from a monotonic clock. */
export class Meter {
  #samples: (Reach & { readonly at: number })[] = [];

  add(reach: Reach, at: number): void {
    this.#samples.push({ ...reach, at });
    while ((this.#samples[1]?.at ?? at) < at - LOOK_BACK_MS) this.#samples.shift();
  }

  /** Lines per second. */
  get rate(): number {
    return this.#perMs((sample) => sample.lines) * 1_000;
  }

  /** Milliseconds; `undefined` while unknown. */
  get left(): number | undefined {
    const speed = this.#perMs((sample) => sample.fraction ?? 0);
    const { fraction } = this.#samples.at(-1) ?? {};
    return fraction === undefined || speed <= 0 ? undefined : (1 - fraction) / speed;
  }

  #perMs(quantity: (reach: Reach) => number): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at === first.at) return 0;
    return (quantity(last) - quantity(first)) / (last.at - first.at);
  }
}

/** `1h 02m`, `3m 07s` or `12s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  return minutes > 0 ? `${minutes}m ${two(seconds % 60)}s` : `${seconds}s`;
}

/** `1,234,567`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
