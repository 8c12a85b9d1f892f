// The errors that users see, and how error messages show values.
import * as types from 'node:util/types';
import type { FailureCode } from '@offthread/worker/protocol';

/**
 * An event in the form in which it is sent. `onError` receives these, so that you can save them and send them again.
 */
export type SentEvent = Readonly<Record<string, unknown>>;

/**
 * The cause of an `AnalyticsError`. Codes are stable: a new code is a minor release, a changed code a major release.
 *
 * Thrown at the call, as a `ValidationError`:
 * - `invalid_setting`, `invalid_event`: a mistake of the caller. The message says what was expected and what was
 *   passed.
 *
 * Refused at the call, which returns `false`:
 * - `queue_full`: `maxQueueSize` or `maxQueueBytes` is reached.
 * - `spool_full`: `spool.maxBytes` is reached.
 * - `spool_failed`: with `spool.strict`, the event can't be written to the disk, see `cause`.
 * - `closed`: the client is closed.
 * - `unserializable`: the event has a cycle or a throwing getter, for example, or, with a BigInt or `beforeSend`, more
 *   than 1,024 levels of objects and arrays. `cause` is what was thrown.
 * - `event_too_large`: more than 32 KB as sent.
 *
 * Accepted and then dropped:
 * - `before_send`: `beforeSend` returned null. Passed to the callback, not to `onError`.
 * - `before_send_failed`: `beforeSend` threw, or didn't return a valid event. `cause` is what it threw.
 * - `event_too_large`: more than 32 KB as sent, if only the worker can measure it: with `redact` or a BigInt, or for
 *   `resend()`.
 * - `worker_crashed`: the worker crashed three times in a row while it processed the event. Or, with a spool, five
 *   processes in a row ended while they sent it.
 * - `worker_unavailable`: the worker thread can't be started.
 * - `closed`: still pending when `close()` timed out. For this code and `exit_timeout`, `attempts`, `status` and
 *   `cause` describe the requests for the oldest events, if any were made.
 * - `exit_timeout`: still pending when the process ended and `flushTimeout` was over, or `flushOnExit` is off.
 * - `spool_expired`: with a spool, older than `spool.maxAge` before it could be sent.
 * - `spool_damaged`: with a spool, it can't be read back.
 *
 * Failed after at least one request:
 * - `rejected`: the API rejects it, see `status`.
 * - `redirected`: the API answers with a redirect, which is never followed.
 * - `tls_refused`: the certificate of the API, of the token server or of the proxy isn't trusted.
 * - `token_refused`: the token server doesn't issue an access token, see `status`.
 * - `retries_exhausted`: `maxRetries` is reached.
 * - `retry_duration_exceeded`: `maxRetryDuration` is reached.
 *
 * Neither dropped nor failed:
 * - `worker_delayed`: the worker thread can't be started at present, see `cause`. Events wait, and the start is
 *   repeated.
 * - `stored`: for callbacks only. The process or the client ended before the event was sent. The event is on disk, and
 *   the next process with this write key sends it.
 * - `spool_failed`: the spool can't be written to, see `cause`. Events stay in memory, and the write is repeated.
 * - `spool_foreign`: the spool has events that this client can't send: of other write keys, or of a later version.
 * - `callback_failed`: a callback passed to an event method threw. `cause` is what it threw.
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
  | 'worker_delayed'
  | 'exit_timeout'
  | 'spool_full'
  | 'stored'
  | 'callback_failed';

/** Details besides code and message. */
export interface ErrorDetails {
  readonly status?: number | undefined;
  readonly attempts?: number;
  /** Or a function that reads them. `count` is then their number. */
  readonly events?: readonly SentEvent[] | (() => readonly SentEvent[]);
  readonly count?: number;
  readonly cause?: unknown;
}

/** Any error that Offthread reports. Never contains the write key, another secret setting or an access token. */
export class AnalyticsError extends Error {
  override readonly name: string = 'AnalyticsError';
  readonly code: ErrorCode;
  /** HTTP status of the last reply, if there was one. */
  readonly status: number | undefined;
  /** Requests made for these events. For `closed` and `exit_timeout`: for the oldest of them. */
  readonly attempts: number;
  #events: readonly SentEvent[] | (() => readonly SentEvent[]);
  /** Number of affected events. Refusals are reported once a minute as a count, without their events. */
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
   * The affected events as they are sent, with `messageId` and `timestamp`. Refused events, and events that
   * `beforeSend` dropped, are as they were passed. They are read on first access.
   */
  get events(): readonly SentEvent[] {
    if (typeof this.#events === 'function') this.#events = this.#events();
    return this.#events;
  }
}

/** A mistake of the caller. Thrown by the call. */
export class ValidationError extends AnalyticsError {
  override readonly name = 'ValidationError';

  /** @param got the value passed, as a rest parameter because it may be `undefined`. */
  constructor(code: 'invalid_setting' | 'invalid_event', expected: string, ...got: [unknown?]) {
    super(code, got.length === 0 ? expected : `${expected}; got ${show(got[0])}`);
  }
}

/** Describes a value for an error message, without showing more of it than needed. */
export function show(value: unknown): string {
  if (value === '') return 'an empty string';
  if (typeof value === 'string') return `'${cut(value)}'`;
  // Converting a bigint with thousands of digits is slow.
  if (typeof value === 'bigint') {
    return value < HUGE && value > -HUGE ? `${value}n` : `a bigint of more than ${MAX_SHOWN} digits`;
  }
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'an array';
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  if (typeof value === 'object' && value !== null) return 'an object';
  return cut(String(value));
}

/** Maximum number of characters or digits of a value that a message shows. */
const MAX_SHOWN = 40;
const HUGE = 10n ** BigInt(MAX_SHOWN);

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Describes a value that may be a secret, without showing it. */
export function conceal(value: unknown): string {
  if (typeof value === 'string') return value.trim() === '' ? 'an empty string' : 'a string';
  const mayBeSecret = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'symbol';
  return mayBeSecret ? `a ${typeof value}` : show(value);
}
