// Collects the records of all rounds and computes the medians. Next: figures.js.
import { Figures } from './figures.js';
import { median } from './statistics.js';

export class Results {
  /** Scenario -> subject -> one record for each round, or undefined if the subject did not finish. */
  #records = {};

  add(scenario, subject, record) {
    this.#records[scenario] ??= {};
    this.#records[scenario][subject] ??= [];
    this.#records[scenario][subject].push(record);
  }

  /** The medians of all rounds so far. */
  figures() {
    return new Figures(mapValues(this.#records, (subjects) => this.#mediansOf(subjects)));
  }

  #mediansOf(subjects) {
    return mapValues(subjects, (records) => {
      const keys = new Set(records.flatMap((record) => Object.keys(record ?? {})));
      return Object.fromEntries(
        [...keys].map((key) => {
          const values = records.map((record) => record?.[key] ?? Number.NaN);
          const none = (round) => subjects.none?.[round]?.[key] ?? Number.NaN;
          const net = values.map((value, round) => value - none(round));
          return [key, { median: median(values), net: median(net) }];
        }),
      );
    });
  }
}

function mapValues(object, map) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
}
