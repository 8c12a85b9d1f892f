import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOf } from '../../packages/relay/src/drain/share.js';

/** Relays that take and give back in turn. A partition is `source:partition`. */
class Fleet {
  readonly held = new Map<string, number>();
  readonly #sources: number;
  readonly #partitions: number;

  constructor(sources: number, partitions: number) {
    this.#sources = sources;
    this.#partitions = partitions;
  }

  /** One relay looks once. Returns whether it has changed anything. */
  look(relay: number, relays: number): boolean {
    const holders = Array.from({ length: this.#sources }, (_, source) => {
      const all = Array.from({ length: this.#partitions }, (_, partition) => partition);
      const holderOf = (partition: number) => this.held.get(`${source}:${partition}`);
      return {
        source: String(source),
        mine: all.filter((partition) => holderOf(partition) === relay),
        free: all.filter((partition) => holderOf(partition) === undefined),
      };
    });
    const { take, giveBack } = shareOf(holders, this.#sources * this.#partitions, relays);
    for (const { source, partition } of take) {
      expect(this.held.has(`${source}:${partition}`)).toBe(false);
      this.held.set(`${source}:${partition}`, relay);
    }
    for (const { source, partition } of giveBack) {
      expect(this.held.get(`${source}:${partition}`)).toBe(relay);
      this.held.delete(`${source}:${partition}`);
    }
    return take.length + giveBack.length > 0;
  }

  /** Lets all relays look until nothing changes. */
  settle(relays: readonly number[]): void {
    for (let round = 0; round < 100; round++) {
      const changes = relays.map((relay) => this.look(relay, relays.length));
      if (!changes.includes(true)) return;
    }
    throw new Error('the relays never stop taking and giving back');
  }

  countOf(relay: number): number {
    return [...this.held.values()].filter((holder) => holder === relay).length;
  }
}

describe('shareOf', () => {
  it('has every partition held, and no relay holds more than its share, while relays start and stop', () => {
    const size = fc.integer({ min: 1, max: 6 });
    const fleets = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { minLength: 1 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(size, size, fleets, (sources, partitions, changes) => {
        const fleet = new Fleet(sources, partitions);
        for (const relays of changes) {
          // The leases of those that have gone expire.
          for (const [place, relay] of fleet.held) if (!relays.includes(relay)) fleet.held.delete(place);
          fleet.settle(relays);
          expect(fleet.held.size).toBe(sources * partitions);
          const most = Math.ceil((sources * partitions) / relays.length);
          for (const relay of relays) expect(fleet.countOf(relay)).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  it('spreads the partitions of each source', () => {
    const holders = [
      { source: 'a', mine: [0, 1, 2, 3], free: [] },
      { source: 'b', mine: [0, 1, 2, 3], free: [] },
    ];
    const { giveBack } = shareOf(holders, 8, 2);
    expect(giveBack.map(({ source }) => source).sort()).toEqual(['a', 'a', 'b', 'b']);
    const free = [
      { source: 'a', mine: [0], free: [1, 2] },
      { source: 'b', mine: [], free: [0, 1] },
    ];
    expect(shareOf(free, 5, 2).take.map(({ source }) => source)).toEqual(['b', 'a']);
  });
});
