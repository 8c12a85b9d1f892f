// A rate -> calls, spread evenly over time. Used by scenarios.

/**
 * Calls `each(n)` `rate` times a second for `ms` milliseconds, once a millisecond as often as is due; n starts at
 * `first`. Gives the number after the last one.
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
