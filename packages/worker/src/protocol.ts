// All that crosses the port or lies in memory both threads see. In: nothing. Out: names for worker-transport.ts (main) and
// index.ts (worker). It may change with each version of the package: only copies of one version share a worker thread.

/** What the thread has from its start on. */
export interface WorkerData {
  readonly health: SharedArrayBuffer;
  /** Version of the SDK on main, which is also that of the thread's program. */
  readonly version: string;
}

// A frame is one event, written by main into memory both threads share and read by the worker in place, little-endian:
//
//   | uint32: byte length | uint32: kind | float64: milliseconds since 1970 | bytes |
//
// Frames follow one another without a gap. An event's sequence number is not written: the first frame of a
// slab has `first` of its handover, each one after it one more.
//
// A slab is memory for frames, behind a header of two words, see `SLAB`. Main hands it over by a message when it opens
// it, and from then on only moves the end. So the worker sees frames that main has written before it blocked.

/** Bytes in front of each frame. */
export const FRAME_HEADER_BYTES = 16;

/** What the bytes of a frame are. */
export const KIND = {
  /** A snapshot of the whole event, which JSON text cannot hold: by `v8.serialize`, see serialize-snapshot.ts. */
  snapshot: 0,
  /** The whole event as JSON text. */
  whole: 1,
  // What the caller gave for an event of this type, as JSON text, `context` first if there is one; frame.ts adds the
  // rest. Joining two texts costs main half as much as writing them.
  identify: 2,
  track: 3,
  page: 4,
  screen: 5,
  group: 6,
  alias: 7,
} as const;

export type Kind = keyof typeof KIND;

/** What all events of a client have in common, and main does not write. */
export interface FrameDefaults {
  /** Followed by an event's sequence number it is its `messageId`. ASCII, nothing that JSON escapes. */
  readonly idPrefix: string;
  /** `context.library` as JSON text. ASCII. */
  readonly library: string;
}

/** Bytes in front of the first frame of a slab. */
export const SLAB_HEADER_BYTES = 8;

/** Slots of the Int32 view of a slab's header. */
export const SLAB = {
  /**
   * Main: where the last frame ends. The worker: `RETIRED`. Both only by `compareExchange`, or when the other one
   * cannot write any more; so no frame is ever added to a slab that nobody reads.
   */
  END: 0,
  /** Main: 1 until the code that handed the slab over has ended. More frames come at once, and belong in the same request. */
  FILLING: 1,
} as const;

/** The worker does not read the slab any more, but for frames that it has taken and not settled. */
export const RETIRED = -1;

/** A slab is the worker's to read. The client's slab before it gets no more frames. */
export interface Handover {
  readonly memory: SharedArrayBuffer;
  /** Sequence number of the first frame. */
  readonly first: number;
  /** Where the last frame ends, if there will be no more. Otherwise the header says it. */
  readonly end: number | undefined;
}

/** A client moves in. */
export interface OpenMessage {
  readonly control: SharedArrayBuffer;
  readonly settings: DeliverySettings;
  readonly frameDefaults: FrameDefaults;
  /** Frames up to this sequence number are settled already: an earlier worker did it before it died. */
  readonly settled: number;
  /** With a spool: events up to this sequence number are on the disk, and no longer in memory. Otherwise the same. */
  readonly stored?: number;
  /** If they differ from those of the opening before: what is set for the connections of all clients. */
  readonly network?: NetworkDefaults | undefined;
}

/** What is set for all connections of a process. Undefined: nothing, or not known. */
export interface NetworkDefaults {
  readonly resultOrder: 'ipv4first' | 'ipv6first' | 'verbatim' | undefined;
  readonly autoSelectFamily: boolean | undefined;
  readonly attemptTimeout: number | undefined;
  readonly maxHeaderSize: number | undefined;
  /** Properties of `node:tls`. */
  readonly tls:
    | Pick<
        typeof import('node:tls'),
        'DEFAULT_MIN_VERSION' | 'DEFAULT_MAX_VERSION' | 'DEFAULT_CIPHERS' | 'DEFAULT_ECDH_CURVE'
      >
    | undefined;
  /** Certificates of all authorities that are trusted, in PEM. */
  readonly ca: readonly string[] | undefined;
}

/** Main to worker, about one client. A post is an array of these, for as many clients as there is something to say. */
export type ToWorker = { readonly client: number } & (
  | ({ readonly type: 'open' } & OpenMessage)
  | ({ readonly type: 'slab' } & Handover)
  /** Somebody waits: cut a backoff short, let no short batch linger. */
  | { readonly type: 'flush' }
  /** Put all that is there on the disk, and say when that is over. */
  | { readonly type: 'store'; readonly id: number }
  /** The client is gone: drop what waits, abort what is out. */
  | { readonly type: 'close' }
);

/** How one run of events ended. Outcomes come in sequence order, so `through` says it all. */
export type Outcome =
  | { readonly type: 'delivered'; readonly through: number }
  /** They are on the disk, and another process sends them. */
  | { readonly type: 'left'; readonly through: number }
  | Loss;

/** Events that are given up. */
export interface Loss {
  readonly type: 'failed' | 'dropped';
  readonly through: number;
  readonly code: FailureCode;
  /** For people. Never holds a secret. */
  readonly message: string;
  /** HTTP status of the last reply, where there was one. */
  readonly status: number | undefined;
  /** Requests made for these events. */
  readonly attempts: number;
  /** With a spool: the events as JSON texts, as far as they are known. Main may not have them any more. */
  readonly events?: readonly string[];
}

/** What becomes of a client's spool, for `onError`. No event of the client's own is settled by it. */
export interface SpoolReport {
  readonly code: FailureCode;
  /** For people. Never holds a secret. */
  readonly message: string;
  /** HTTP status of the last reply, if it is about one. */
  readonly status?: number | undefined;
  readonly attempts?: number;
  /** Events of earlier processes that are given up, as JSON texts. */
  readonly events?: readonly string[];
  readonly count?: number;
  /** What the system said. */
  readonly cause?: string | undefined;
}

/** A batch that is sent once more. */
export interface Retry {
  /** Events in it. */
  readonly count: number;
  /** Requests made for them so far. */
  readonly attempts: number;
  /** HTTP status of the last attempt, if there was one. */
  readonly status: number | undefined;
  /** What became of the last attempt, for people. Never holds the write key. */
  readonly message: string;
}

/** Worker to main. */
export type ToMain =
  | ClientMessage
  /** The counters have changed since main was last told: of clients that rest, or of any if somebody subscribed. */
  | { readonly type: 'progress' }
  /** Time passes, see `StartMessage.ticks`. */
  | { readonly type: 'tick' };

/** About one client, in order. Deliveries nobody waits for are not posted, see `DELIVERED`. */
export type ClientMessage = {
  readonly client: number;
} /** All events before `first` that no earlier message says were lost are delivered. */ & (
  | ({ readonly first: number } & (Loss | { readonly type: 'left'; readonly through: number }))
  /** All events up to `through` that no earlier message says were lost. For those who wait, see `EXPECTED`. */
  | { readonly type: 'delivered'; readonly through: number }
  /** `Retry-After` holds this client from now on, see `HELD_UNTIL`: nobody need wait who has less time than that. */
  | { readonly type: 'held' }
  /** The batch from `first` on is sent once more, but not at once: the API, or the way to it, is in trouble. */
  | ({ readonly type: 'postponed'; readonly first: number } & Retry)
  /** The batch from `first` on is sent once more now. */
  | ({ readonly type: 'retried'; readonly first: number } & Retry)
  | ({ readonly type: 'spool' } & SpoolReport)
  /** So many events of earlier processes were delivered. */
  | { readonly type: 'recovered'; readonly count: number }
  /** The `store` of that id is over, however it went; see `SPOOL.STORED`. */
  | { readonly type: 'stored'; readonly id: number }
);

/** Codes that arise in the worker; `errors.ts` of the SDK explains each to users. */
export type FailureCode =
  | 'event_too_large'
  | 'unserializable'
  | 'rejected'
  | 'redirected'
  | 'tls_refused'
  | 'token_refused'
  | 'retries_exhausted'
  | 'retry_duration_exceeded'
  | 'spool_damaged'
  | 'spool_expired'
  | 'spool_failed'
  | 'spool_foreign';

/** Who is trusted, and who we are: PEM texts. */
export interface Tls {
  /** Certificates of authorities, one a text, instead of those that Node.js trusts. */
  readonly ca?: readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How requests get to where they go. */
export interface ConnectionSettings {
  /** URL of the proxy, user name and password in it, where there is one. */
  readonly proxy: string | undefined;
  readonly tls: Tls | undefined;
  /** Milliseconds for one request, from its first byte to the last one of the reply. */
  readonly requestTimeout: number;
}

/** What the worker needs to know of a client's settings. Crosses the port once, when it moves in. */
export interface DeliverySettings extends ConnectionSettings {
  readonly url: string;
  readonly writeKey: string;
  readonly userAgent: string;
  /** Most events in one request. */
  readonly batchSize: number;
  /** Most events in one request behind a backlog, see `sizeOf` in batch.ts. */
  readonly maxBatchSize: number;
  /** Milliseconds a batch that is not full may wait for more events. */
  readonly linger: number;
  readonly maxRetries: number;
  /** Milliseconds a batch may be tried for in all. */
  readonly maxRetryDuration: number;
  /** Sent with each request beside our own. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  readonly stub: boolean;
  readonly redact?: Redaction | undefined;
  readonly oauth?: OAuthSettings | undefined;
  readonly spool?: WorkerSpool | undefined;
}

/** Where events are kept until they are sent. */
export interface WorkerSpool {
  readonly directory: string;
  /** Names of the process and of the client's run, see spool/run-folder.ts. */
  readonly holder: string;
  readonly run: string;
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  /** Milliseconds. */
  readonly syncInterval: number;
  /** Events after which there is a sync in any case: they take up memory. */
  readonly syncAfter: number;
  /** What is said of the spool, see `SPOOL`. */
  readonly control: SharedArrayBuffer;
}

/** How access tokens are got. */
export interface OAuthSettings {
  /** Address of the token server, without a slash at its end. */
  readonly authServer: string;
  /** URL of the proxy on the way to it, which may be another one than that to the API, or none. */
  readonly proxy: string | undefined;
  readonly clientId: string;
  readonly keyId: string;
  /** RSA. Unlike its PEM it shows in nothing that looks at it. */
  readonly clientKey: import('node:crypto').KeyObject;
  readonly scope: string;
}

/** What is taken out of each event before it is batched. */
export interface Redaction {
  /** What is left out. */
  readonly remove: readonly Path[];
  /** What is replaced by its SHA-256. */
  readonly hash: readonly Path[];
  readonly salt: string;
}

/** Keys from the outermost to the innermost; null for any. */
export type Path = readonly (string | null)[];

/** The one task of the pool: the worker goes into service, and clients are moved in by post. */
export interface StartMessage {
  readonly port: import('node:worker_threads').MessagePort;
  readonly health: SharedArrayBuffer;
  /** Whether main wants a `tick` with each heartbeat, because its own timers are fake. */
  readonly ticks: boolean;
  /** Set if the host's thread is not its main thread, and will not be told by Node.js when that ends. */
  readonly hostThread: HostThread | undefined;
}

/** A thread of the host, in the memory by which it is told that the main thread ends. See `HOST`. */
export interface HostThread {
  readonly memory: SharedArrayBuffer;
  /** Where its own words begin. */
  readonly at: number;
}

// The control block, one for each client and worker. Read by both; who writes is said at each slot.

/** Bytes of a control block. */
export const CONTROL_BYTES = 72;

/** Slots of the control block's Int32 view. */
export const CONTROL = {
  /** The worker: how many times there was news. Main sleeps on this word. Wraps, so compare for equality only. */
  CHANGES: 0,
  /** The worker: requests begun for the batch in hand, see `CURRENT_BATCH`. */
  ATTEMPTS: 1,
} as const;

/** Slots of the control block's BigInt64 view, which overlaps the other one: slot 0 is taken. */
export const COUNTER = {
  /** The worker: requests sent. */
  REQUESTS: 1,
  /** The worker: requests that repeated an earlier one. */
  RETRIES: 2,
  /** The worker: bytes of request bodies sent, before compression. */
  BYTES: 3,
  /** The worker: milliseconds on its own clock, see `HEALTH_CLOCK`, until which `Retry-After` holds this client; 0: not held. */
  HELD_UNTIL: 4,
  /** The worker: sequence number of the last event of the batch in hand; what a crash points at. */
  CURRENT_BATCH: 5,
  /**
   * The worker: sequence number of the last event delivered. All before it that no message says was lost is delivered,
   * and those messages are in the port before the number is here.
   */
  DELIVERED: 6,
  /** Main: sequence number up to which it is to be woken when events are delivered. */
  EXPECTED: 7,
  /**
   * The worker: sequence number of the last event that a message says was lost. Written before `DELIVERED` passes it, so
   * main need not read its messages if it has had this one.
   */
  LOST: 8,
} as const;

/** Bytes of the control block of a spool. Written by the worker. */
export const SPOOL_CONTROL_BYTES = 56;

/** Slots of the BigInt64 view of a spool's control block. */
export const SPOOL = {
  /** Sequence number up to which all events are on the disk or settled. */
  STORED: 0,
  /** Bytes that the source has in the directory. */
  BYTES: 1,
  /** Events of earlier processes that were delivered. */
  RECOVERED: 2,
  /** Events that could not be read. */
  DAMAGED: 3,
  /** When the oldest event that waits was accepted, in milliseconds since 1970; 0 if none does. */
  OLDEST: 4,
  /** 1 while the disk fails. */
  FAILING: 5,
  /** 1 while the source is paused, because something is set wrong. */
  PAUSED: 6,
} as const;

// The health block, one for each worker.

/** Bytes of the health block. */
export const HEALTH_BYTES = 536;

/** Where the worker writes the message of the exception that ends it, in UTF-8. */
export const EXIT_MESSAGE = { START: 24, BYTES: 512 } as const;

/** Slots of the health block's Int32 view. */
export const HEALTH = {
  /** 1 once the worker is on its way out, by exception or `process.exit()`. */
  DEAD: 0,
  /** Goes up with each step of the work, and every `BEAT_INTERVAL_MS` while there is any. 0 until the worker is up. */
  BEAT: 1,
  // 2 and 3 are `HEALTH_CLOCK`.
  /** 1 once the thread runs code of ours, before it has loaded the rest. */
  BEGUN: 4,
  /** Main: 1 if somebody subscribed to deliveries, and `progress` is to be posted whenever there is any. */
  SUBSCRIBED: 5,
} as const;

/**
 * Slot of the health block's BigInt64 view. The worker: milliseconds on its clock at the last heartbeat. So main reads how long the
 * worker is still held without comparing clocks of two threads.
 */
export const HEALTH_CLOCK = 1;

/** Milliseconds between two heartbeats: ten a second, so that one second without is no accident. */
export const BEAT_INTERVAL_MS = 100;

// The host's threads, one block a process. The SDK on the main thread makes it, and threads that are started later find it
// in their environment data. When the main thread ends, all others are ended with it, and run no code of their own for that.

/** Key of the environment data. */
export const HOST_KEY = '@offthread/sdk/host-threads/1';

/** Slots of the block's Int32 view. */
export const HOST = {
  /** Main: 1 once it ends, and waits until events that are pending have been sent. */
  ENDING: 0,
  /** Any thread: changes when one has nothing pending any more. Main sleeps on this word. */
  CHANGES: 1,
  /** First word of the first thread. */
  THREADS: 4,
} as const;

/** Words of each thread, from its first one on. */
export const HOST_THREAD = {
  /** The thread: its `threadId` while it has events pending, otherwise 0. */
  PENDING: 0,
  /** The thread and its worker: goes up every `BEAT_INTERVAL_MS` while it flushes and while that has anything to do. */
  BEAT: 1,
  /** The thread: milliseconds for which main is to wait for it at most. */
  TIMEOUT: 2,
  WORDS: 4,
} as const;

/** Threads that can have events pending at the same moment: two whose ids differ by this share their words. */
export const HOST_THREADS = 256;
