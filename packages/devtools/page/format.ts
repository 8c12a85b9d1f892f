// Formats times, sizes and counts.

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});
const WHOLE = new Intl.NumberFormat('en-US');

/** 14:03:59.120, in the reader's time zone. */
export function clock(ms: number): string {
  return Number.isNaN(ms) ? 'unreadable' : CLOCK.format(ms);
}

export function count(value: number): string {
  return WHOLE.format(value);
}

/** `1 event`, `2 events`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  const kilo = value / 1_024;
  return kilo < 1_024 ? `${kilo.toFixed(kilo < 100 ? 1 : 0)} KB` : `${(kilo / 1_024).toFixed(1)} MB`;
}

export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${count(Math.round(ms))} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
