// The behaviours that the server can be given for a request.

/** The fields that any behaviour may have. */
interface BehaviourBase {
  /**
   * Whether the events of a valid request count as received. The default is what a client would conclude from the whole
   * reply: true if the status is 2xx, also if the connection breaks during the reply, and otherwise false.
   */
  accept?: boolean;
}

/** The ordinary behaviour: the 200, 400 or 401 of the Tracking API. */
export interface Ok extends BehaviourBase {
  type: 'ok';
  /** Milliseconds before the reply. Default: the `latencyMs` of the server. */
  delayMs?: number;
}

/** Any HTTP reply. */
export interface Answer extends BehaviourBase {
  type: 'answer';
  status: number;
  headers?: Record<string, string>;
  /** A string is sent as it is, anything else as JSON. Default: `{ success, message }` after the status. */
  body?: unknown;
  /** Milliseconds before the reply. Default: the `latencyMs` of the server. */
  delayMs?: number;
}

/** The connection is reset: when the headers have arrived, after the body, or in the middle of the reply. */
export interface Drop extends BehaviourBase {
  type: 'drop';
  after: 'headers' | 'body' | 'partial-reply';
}

/** The body is read and no reply ever comes. */
export interface Hang extends BehaviourBase {
  type: 'hang';
}

/** The body is not read: the upload stalls when the buffers of the kernel are full. */
export interface StallUpload extends BehaviourBase {
  type: 'stall-upload';
}

/** A 200 whose body comes byte by byte; with `head: true` the status line and headers do too. */
export interface Drip extends BehaviourBase {
  type: 'drip';
  /** Milliseconds between two bytes. */
  intervalMs: number;
  /** Length of the body. Default 64. */
  bytes?: number;
  /** Default false. */
  head?: boolean;
}

/** A 200 whose `content-length` promises more than is sent before the connection ends. */
export interface Truncate extends BehaviourBase {
  type: 'truncate';
}

/** A 200 with a body of that many bytes. */
export interface Huge extends BehaviourBase {
  type: 'huge';
  bytes: number;
}

/** A 200 with a small gzip body that decompresses to that many bytes. */
export interface GzipBomb extends BehaviourBase {
  type: 'gzip-bomb';
  bytes: number;
}

/** Bytes that are not HTTP, then the end of the connection. */
export interface Garbage extends BehaviourBase {
  type: 'garbage';
}

/** A redirect. */
export interface Redirect extends BehaviourBase {
  type: 'redirect';
  /** Default 307. */
  status?: 301 | 302 | 303 | 307 | 308;
  location: string;
}

/** The behaviour for one request. */
export type PlainBehaviour =
  | Ok
  | Answer
  | Drop
  | Hang
  | StallUpload
  | Drip
  | Truncate
  | Huge
  | GzipBomb
  | Garbage
  | Redirect;

/** `behaviour` with a probability of 0 to 1, otherwise the ordinary one. The same `seed` gives the same choices. */
export interface Sometimes {
  type: 'sometimes';
  probability: number;
  /** Default 1. */
  seed?: number;
  behaviour: PlainBehaviour;
}

/** Any behaviour that a server can be given. */
export type Behaviour = PlainBehaviour | Sometimes;

/** An item of a script: a behaviour for the next request, or the next `times` requests (default 1). */
export type ScriptItem = Behaviour & { times?: number };

/** The conditions of a rule. A request must meet all that are given. */
export interface Match {
  writeKey?: string;
  /** One event of the request has this messageId. */
  messageId?: string;
  /** One event of the request has this `event` name. */
  eventName?: string;
  /** The request has at least this many events. */
  minEvents?: number;
}

/** A behaviour for the requests that match, at most `times` of them (default: all). */
export interface Rule {
  match: Match;
  behaviour: Behaviour;
  times?: number;
}
