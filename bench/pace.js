// Spreads calls evenly over time at a fixed rate. Used by scenarios.

/**
 * Calls `each(n)` `rate` times a second for `ms` milliseconds; every millisecond, all due calls are made. n starts at
 * `first`. Returns the number after the last one.
 */
export function pace(rate, ms, first, each) {
  return new Promise((resolve) => {
    const start = performance.now();
    let n = first;
    const timer = setInterval(() => {
      const elapsed = performance.now() - start;
      const due = first + Math.floor((Math.min(elapsed, ms) / 1e3) * rate);
      while (n < due) each(n++);
      if (elapsed < ms) return;
      clearInterval(timer);
      resolve(n);
    }, 1);
  });
}
