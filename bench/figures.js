// The figures of a run, as stored in results.json. Used by targets.js, report.js, readme.js and chart.js.

export class Figures {
  /** Scenario -> subject -> key -> `{ median, net }`. JSON has null for NaN. */
  #stored;

  constructor(stored) {
    this.#stored = stored;
  }

  has(scenario) {
    return this.#stored[scenario] !== undefined;
  }

  subjects(scenario) {
    return Object.keys(this.#stored[scenario] ?? {});
  }

  /** The names of all figures in a scenario, for any subject. */
  keys(scenario) {
    return [...new Set(Object.values(this.#stored[scenario] ?? {}).flatMap(Object.keys))];
  }

  /** The median over all rounds; NaN if there is none. */
  of(scenario, subject, key) {
    return this.#stored[scenario]?.[subject]?.[key]?.median ?? Number.NaN;
  }

  /** The median minus the figure of `none` in the same round. */
  net(scenario, subject, key) {
    return this.#stored[scenario]?.[subject]?.[key]?.net ?? Number.NaN;
  }

  toJSON() {
    return this.#stored;
  }
}
