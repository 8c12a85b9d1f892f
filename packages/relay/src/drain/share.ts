// Decides which partitions a relay takes and gives back, so that all relays hold about the same number. Pure. Used by
// drain.ts.

/** Who holds the partitions of a source. */
export interface SourceHolders {
  readonly source: string;
  /** Partitions that this relay holds. */
  readonly mine: readonly number[];
  /** Partitions that nobody holds. */
  readonly free: readonly number[];
}

/** A partition of a source. */
export interface Place {
  readonly source: string;
  readonly partition: number;
}

export interface Share {
  readonly take: readonly Place[];
  readonly giveBack: readonly Place[];
}

/**
 * Returns what to take and what to give back.
 *
 * @param partitions partitions of all sources.
 * @param relays relays that are alive, this one included.
 */
export function shareOf(holders: readonly SourceHolders[], partitions: number, relays: number): Share {
  const most = Math.ceil(partitions / Math.max(1, relays));
  const sources = holders.map(({ source, mine, free }) => ({ source, mine: [...mine], free: [...free] }));
  let held = sources.reduce((sum, { mine }) => sum + mine.length, 0);
  const take: Place[] = [];
  const giveBack: Place[] = [];
  for (; held > most; held--) {
    // From the source with the most, because its events then go out by several relays.
    const [from] = sources.toSorted((a, b) => b.mine.length - a.mine.length);
    const partition = from?.mine.pop();
    if (from === undefined || partition === undefined) break;
    giveBack.push({ source: from.source, partition });
  }
  if (giveBack.length > 0) return { take, giveBack };
  for (; held < most; held++) {
    const [to] = sources.filter(({ free }) => free.length > 0).sort((a, b) => a.mine.length - b.mine.length);
    const partition = to?.free.shift();
    if (to === undefined || partition === undefined) break;
    to.mine.push(partition);
    take.push({ source: to.source, partition });
  }
  return { take, giveBack };
}
