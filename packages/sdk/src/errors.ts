// What went wrong, in a form to act upon. In: facts of any stage. Out: the errors users see.
import * as types from 'node:util/types';
import type { FailureCode } from '@offthread/worker/protocol';

/** An event in the form in which it is sent: what `onError` hands back so that it can be saved and sent again. */
export type SentEvent = Readonly<Record<string, unknown>>;

/**
 * What an `AnalyticsError` is about. Codes are stable: a new one is a minor release, a changed one a major release.
 *
 * Thrown at the call, as a `ValidationError`:
 * - `invalid_setting`, `invalid_event`: the caller's mistake; the message says what was expected and what came.
 *
 * Refused at the call, which returns `false`:
 * - `queue_full`: `maxQueueSize` or `maxQueueBytes` is reached.
 * - `spool_full`: `spool.maxBytes` is reached.
 * - `closed`: the client was closed before.
 * - `unserializable`: the event has a cycle, a throwing getter or the like, or, with a BigInt or `beforeSend`, more than
 *   1,024 levels of objects and arrays; `cause` is what was thrown.
 * - `event_too_large`: over 32 KB as sent.
 *
 * Accepted and then dropped:
 * - `before_send`: `beforeSend` returned null. Told to the callback, not to `onError`.
 * - `before_send_failed`: `beforeSend` threw, or returned what is no event; `cause` is what it threw.
 * - `event_too_large`: over 32 KB as sent, if only the worker can tell: with `redact` or a BigInt, and of `resend()`.
 * - `worker_crashed`: the worker died of it three times in a row.
 * - `worker_unavailable`: the worker thread cannot be started.
 * - `closed`: still waiting when `close()` ran out of time. Here and with `exit_timeout` `attempts`, `status` and
 *   `cause` say what came of the requests for the oldest of them, if any were made.
 * - `exit_timeout`: still waiting when the process ended and `flushTimeout` was over, or `flushOnExit` is off.
 *
 * - `spool_expired`: with a spool, older than `spool.maxAge` before it could be sent.
 * - `spool_damaged`: with a spool, it can't be read back.
 *
 * Failed after one try or more:
 * - `rejected`: the API refuses it, see `status`.
 * - `redirected`: the API answers with a redirect, which is never followed.
 * - `tls_refused`: the certificate of the API, of the token server, or of the proxy, is not to be trusted.
 * - `token_refused`: the token server gives no access token, see `status`.
 * - `retries_exhausted`: `maxRetries` is reached.
 * - `retry_duration_exceeded`: `maxRetryDuration` is reached.
 *
 * Neither:
 * - `worker_delayed`: the worker thread cannot be started at present, see `cause`. Events wait, and it is tried again.
 * - `stored`: for callbacks only: the process, or the client, ends before the event was sent; it is on the disk, and the next
 *   process with this write key sends it.
 * - `spool_failed`: the spool can't be written to, see `cause`. Events go on in memory, and the disk is tried again.
 * - `spool_foreign`: the spool holds what this client can't send: events of other write keys, or of a later version.
 * - `callback_failed`: a callback passed to `track()` and the like threw; `cause` is what it threw.
 */
export type ErrorCode =
  | FailureCode
  | 'invalid_setting'
  | 'invalid_event'
  | 'queue_full'
  | 'before_send'
  | 'before_send_failed'
  | 'closed'
  | 'worker_unavailable'
  | 'worker_crashed'
  | 'worker_delayed'
  | 'exit_timeout'
  | 'spool_full'
  | 'stored'
  | 'callback_failed';

/** Facts beside code and message. */
export interface ErrorDetails {
  readonly status?: number | undefined;
  readonly attempts?: number;
  /** Or a function that reads them, with their number as `count`. */
  readonly events?: readonly SentEvent[] | (() => readonly SentEvent[]);
  readonly count?: number;
  readonly cause?: unknown;
}

/** Everything Offthread reports. Never holds the write key, another secret of the settings, or an access token. */
export class AnalyticsError extends Error {
  override readonly name: string = 'AnalyticsError';
  readonly code: ErrorCode;
  /** HTTP status of the last reply, where there was one. */
  readonly status: number | undefined;
  /** Requests made for these events; with `closed` and `exit_timeout` for the oldest of them. */
  readonly attempts: number;
  #events: readonly SentEvent[] | (() => readonly SentEvent[]);
  /** How many events are concerned. Refusals of a whole minute are reported as a count, without their events. */
  readonly count: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.attempts = details.attempts ?? 0;
    this.#events = details.events ?? [];
    this.count = details.count ?? this.#events.length;
  }

  /**
   * The events concerned as they are sent, `messageId` and `timestamp` included. As they were passed if they were
   * refused or `beforeSend` dropped them. They are read when you first ask for them.
   */
  get events(): readonly SentEvent[] {
    if (typeof this.#events === 'function') this.#events = this.#events();
    return this.#events;
  }
}

/** A mistake of the caller, thrown at once. */
export class ValidationError extends AnalyticsError {
  override readonly name = 'ValidationError';

  /** @param got what came instead, in a list because `undefined` may be what came. */
  constructor(code: 'invalid_setting' | 'invalid_event', expected: string, ...got: [unknown?]) {
    super(code, got.length === 0 ? expected : `${expected}; got ${show(got[0])}`);
  }
}

/** Names a value for the message of an error, without showing more of it than needed. */
export function show(value: unknown): string {
  if (value === '') return 'an empty string';
  if (typeof value === 'string') return `'${cut(value)}'`;
  // Thousands of digits take a while to be made.
  if (typeof value === 'bigint') {
    return value < HUGE && value > -HUGE ? `${value}n` : `a bigint of more than ${MAX_SHOWN} digits`;
  }
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  if (typeof value === 'object' && value !== null) return 'an object';
  return cut(String(value));
}

/** Characters, or digits, of a value that a message shows. */
const MAX_SHOWN = 40;
const HUGE = 10n ** BigInt(MAX_SHOWN);

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Names a value that may be a secret, which no message may show, in whatever form it came. */
export function conceal(value: unknown): string {
  if (typeof value === 'string') return value.trim() === '' ? 'an empty string' : 'a string';
  const isTelling = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'symbol';
  return isTelling ? `a ${typeof value}` : show(value);
}
