// Numbers of several rounds -> one. Used by bench.js and report.js.

/** The middle one; NaN where there is none. */
export function median(numbers) {
  const sorted = numbers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
}

/** Key by key over records of the same shape; what is no number is taken from the last one. */
export function medians(records) {
  const result = {};
  for (const key of Object.keys(records.at(-1) ?? {})) {
    const values = records.map((each) => each[key]);
    result[key] = values.every((each) => typeof each === 'number') ? median(values) : values.at(-1);
  }
  return result;
}
