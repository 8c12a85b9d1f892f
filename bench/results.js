// Records of all rounds -> one figure for each thing measured. Used by targets.js, report.js and chart.js.
import { median } from './statistics.js';

export class Results {
  /** Scenario -> subject -> a record for each round, undefined where the subject did not come to an end. */
  #records = {};

  add(scenario, subject, record) {
    this.#records[scenario] ??= {};
    this.#records[scenario][subject] ??= [];
    this.#records[scenario][subject].push(record);
  }

  has(scenario) {
    return this.#records[scenario] !== undefined;
  }

  subjects(scenario) {
    return Object.keys(this.#records[scenario] ?? {});
  }

  /** The figures a scenario has, of whichever subject. */
  keys(scenario) {
    const records = Object.values(this.#records[scenario] ?? {}).flat();
    return [...new Set(records.flatMap((record) => Object.keys(record ?? {})))];
  }

  /** The median over all rounds; NaN where there is none. */
  of(scenario, subject, key) {
    const records = this.#records[scenario]?.[subject] ?? [];
    return median(records.map((record) => record?.[key] ?? Number.NaN));
  }

  /** The same, less what `none` had in the same round. */
  net(scenario, subject, key) {
    const { none = [], [subject]: own = [] } = this.#records[scenario] ?? {};
    return median(
      own.map((record, round) => (record?.[key] ?? Number.NaN) - (none[round]?.[key] ?? Number.NaN)),
    );
  }
}
