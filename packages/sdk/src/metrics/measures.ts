// What there is to measure about a client. Used by prometheus.ts and otel.ts, so that both have the same metrics.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Analytics } from '../analytics.js';
import { show, ValidationError } from '../errors.js';
import type { Stats } from '../report/counters.js';

/** A value with its labels. */
interface Measured {
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A value that `stats()` has. */
export interface Measure {
  /** In words, which each library joins in its own way. */
  readonly name: readonly string[];
  readonly help: string;
  /** A sum grows only, a level goes up and down. */
  readonly type: 'sum' | 'level';
  /** `By` for bytes, `s` for seconds. */
  readonly unit?: 'By' | 's';
  read(stats: Stats): readonly Measured[];
}

const plain = (value: number): readonly Measured[] => [{ value, labels: {} }];
const byCode = (outcome: string, counts: Readonly<Record<string, number>>): readonly Measured[] =>
  Object.entries(counts).map(([code, value]) => ({ value, labels: { outcome, code } }));

export const MEASURES: readonly Measure[] = [
  {
    name: ['events'],
    help: 'Events by outcome, and by code if they were dropped or refused',
    type: 'sum',
    read: ({ delivered, failed, left, dropped, refused }) => [
      { value: delivered, labels: { outcome: 'delivered', code: '' } },
      { value: failed, labels: { outcome: 'failed', code: '' } },
      { value: left, labels: { outcome: 'left', code: '' } },
      ...byCode('dropped', dropped),
      ...byCode('refused', refused),
    ],
  },
  {
    name: ['events', 'accepted'],
    help: 'Events that calls accepted',
    type: 'sum',
    read: ({ accepted }) => plain(accepted),
  },
  {
    name: ['events', 'pending'],
    help: 'Accepted events that are not settled',
    type: 'level',
    read: ({ pending }) => plain(pending),
  },
  {
    name: ['requests'],
    help: 'Requests to the Tracking API',
    type: 'sum',
    read: ({ requests }) => plain(requests),
  },
  {
    name: ['retries'],
    help: 'Requests that repeated an earlier one',
    type: 'sum',
    read: ({ retries }) => plain(retries),
  },
  {
    name: ['request', 'bytes'],
    help: 'Bytes of request bodies, before compression',
    type: 'sum',
    unit: 'By',
    read: ({ bytes }) => plain(bytes),
  },
  {
    name: ['spool', 'bytes'],
    help: 'Bytes of the events on the disk',
    type: 'level',
    unit: 'By',
    read: ({ spool }) => (spool === undefined ? [] : plain(spool.bytes)),
  },
  {
    name: ['spool', 'oldest', 'seconds'],
    help: 'Age of the oldest event on the disk that waits',
    type: 'level',
    unit: 's',
    read: ({ spool }) => (spool === undefined ? [] : plain(spool.oldestAge / 1_000)),
  },
  {
    name: ['spool', 'recovered'],
    help: 'Events of earlier processes that were delivered',
    type: 'sum',
    read: ({ spool }) => (spool === undefined ? [] : plain(spool.recovered)),
  },
  {
    name: ['spool', 'damaged'],
    help: 'Events on the disk that could not be read back',
    type: 'sum',
    read: ({ spool }) => (spool === undefined ? [] : plain(spool.damaged)),
  },
];

/** Something that happens, as a diagnostics channel publishes it. */
export interface Incident {
  readonly name: readonly string[];
  readonly help: string;
  readonly channel: string;
  readonly labels: readonly string[];
}

export const INCIDENTS: readonly Incident[] = [
  {
    name: ['postponed'],
    help: 'Requests that failed and will be repeated after a pause, by the status of the answer, if there was one',
    channel: 'offthread:postponed',
    labels: ['status'],
  },
];

/** Calls `count` for each incident of this client. Returns a function that stops it. */
export function onIncident(
  { channel, labels }: Incident,
  analytics: object,
  count: (labels: Readonly<Record<string, string>>) => void,
): () => void {
  const listener = (published: unknown): void => {
    const message = Object(published);
    if (message.analytics !== analytics) return;
    count(Object.fromEntries(labels.map((label) => [label, String(message[label] ?? 'none')])));
  };
  subscribe(channel, listener);
  return () => void unsubscribe(channel, listener);
}

/** @throws {ValidationError} `invalid_setting`, if it isn't a client. */
export function checkClient(caller: string, analytics: Analytics): void {
  if (typeof Object(analytics).stats === 'function') return;
  throw new ValidationError('invalid_setting', `${caller}() takes a client; got ${show(analytics)}`);
}
