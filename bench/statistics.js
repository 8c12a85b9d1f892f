// Combines the numbers of several rounds or windows into one.

/** The median; NaN if there are no numbers. */
export function median(numbers) {
  const sorted = numbers.filter((each) => !Number.isNaN(each)).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
}
