// The messages and the shared memory of main and the worker. Imports nothing. Used by worker-transport.ts (main) and
// index.ts (worker). It may change with each version of the package, because only copies of the same version share a
// worker thread.
//
// Over 200 lines, because it is a table: no code, and each message and slot once, for both sides. In this order: frames
// and slabs, messages, settings, and the blocks of shared memory.

/** What the thread is started with. */
export interface WorkerData {
  readonly health: SharedArrayBuffer;
  /** Version of the SDK on main. The thread runs the same version. */
  readonly version: string;
}

// A frame is one event. Main writes it to shared memory, and the worker reads it in place. Little-endian:
//
//   | uint32 | uint32: byte length | uint64 | float64: milliseconds since 1970 | uint32: kind | bytes |
//
// This is the layout of a record in the spool, so that a frame can go to disk from where it is: only then the CRC-32 and
// the sequence number are added, see record.ts of the spool. Frames follow one another without a gap. The first frame of
// a slab has the number `first` of its handover, and each later frame has the next one.
//
// A slab is memory for frames, after a header of two words, see `SLAB`. Main posts a message when it opens a slab.
// After that it only moves the end, so the worker sees frames that main wrote before it blocked.

/** Bytes before each frame. */
export const FRAME_HEADER_BYTES = 28;

/** Where the fields of a frame's header are. */
export const FRAME = { LENGTH: 4, TIME: 16, KIND: 24 } as const;

/** The format of the bytes of a frame. */
export const KIND = {
  /** The whole event as a `v8.serialize` snapshot, because JSON text can't represent it. See serialize-snapshot.ts. */
  snapshot: 0,
  /** The whole event as JSON text. */
  whole: 1,
  // The caller's input for an event of this type, as JSON text, with `context` first if there is one. frame.ts adds the
  // rest. Joining two texts costs main half as much as writing them.
  identify: 2,
  track: 3,
  page: 4,
  screen: 5,
  group: 6,
  alias: 7,
} as const;

export type Kind = keyof typeof KIND;

/** What all events of a client have in common. Main doesn't write it to each frame. */
export interface FrameDefaults {
  /**
   * Followed by its sequence number, this is the `messageId` of an event. ASCII, without characters that JSON escapes.
   */
  readonly idPrefix: string;
  /** `context.library` as JSON text. ASCII. */
  readonly library: string;
}

/** Bytes before the first frame of a slab. */
export const SLAB_HEADER_BYTES = 8;

/** Slots of the Int32 view of a slab's header. */
export const SLAB = {
  /**
   * Main writes where the last frame ends, and the worker writes `RETIRED`. Both use `compareExchange`, unless the
   * other can't write any more. So no frame is ever added to a slab that isn't read.
   */
  END: 0,
  /**
   * Main: 1 until the code that caused the handover returns. It may add more frames at once, which belong in the same
   * request.
   */
  FILLING: 1,
} as const;

/** The worker doesn't read the slab any more, except for frames that it has taken and not settled. */
export const RETIRED = -1;

/** Hands a slab over to the worker. The client's previous slab gets no more frames. */
export interface Handover {
  readonly memory: SharedArrayBuffer;
  /** Sequence number of the first frame. */
  readonly first: number;
  /** Where the last frame ends, if there won't be any more. Otherwise, the header has it. */
  readonly end: number | undefined;
}

/** Opens a client. */
export interface OpenMessage {
  readonly control: SharedArrayBuffer;
  readonly settings: DeliverySettings;
  readonly frameDefaults: FrameDefaults;
  /** Frames up to this sequence number were settled by an earlier worker, which then died. */
  readonly settled: number;
  /**
   * With a spool: events up to this sequence number are on disk and no longer in memory. Otherwise the same as
   * `settled`.
   */
  readonly stored?: number;
  /** Settings for the connections of all clients, if they have changed since the previous `open`. */
  readonly network?: NetworkDefaults | undefined;
}

/** Settings for all connections of a process. Undefined if there are none, or if they aren't known. */
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
  /** Certificates of all trusted authorities, in PEM. */
  readonly ca: readonly string[] | undefined;
}

/** Main to worker, about one client. Main posts arrays of these, for any number of clients. */
export type ToWorker = { readonly client: number } & (
  | ({ readonly type: 'open' } & OpenMessage)
  | ({ readonly type: 'slab' } & Handover)
  /** A caller is waiting: end a backoff early, and send short batches at once. */
  | { readonly type: 'flush' }
  /** Write all events to disk, and reply when that has ended. */
  | { readonly type: 'store'; readonly id: number }
  /** The client is closed: drop its waiting events, and abort its request. */
  | { readonly type: 'close' }
);

/** How a range of events ended. Outcomes arrive in sequence order, so `through` is enough. */
export type Outcome =
  | { readonly type: 'delivered'; readonly through: number }
  /** The events are on disk, and another process sends them. */
  | { readonly type: 'left'; readonly through: number }
  | Loss;

/** Events that are given up. */
export interface Loss {
  readonly type: 'failed' | 'dropped';
  readonly through: number;
  readonly code: FailureCode;
  /** For people. Never contains a secret. */
  readonly message: string;
  /** HTTP status of the last reply, if there was one. */
  readonly status: number | undefined;
  /** Requests made for these events. */
  readonly attempts: number;
  /** With a spool: the events as JSON texts, as far as they are known. Main may no longer have them. */
  readonly events?: readonly string[];
}

/** A problem with a client's spool, for `onError`. It settles none of the client's own events. */
export interface SpoolReport {
  readonly code: FailureCode;
  /** For people. Never contains a secret. */
  readonly message: string;
  /** HTTP status of the last reply, if it is about one. */
  readonly status?: number | undefined;
  readonly attempts?: number;
  /** Events of earlier processes that are given up, as JSON texts. */
  readonly events?: readonly string[];
  readonly count?: number;
  /** The system's error. */
  readonly cause?: string | undefined;
}

/** A batch that is sent again. */
export interface Retry {
  /** Events in it. */
  readonly count: number;
  /** Requests made for them so far. */
  readonly attempts: number;
  /** HTTP status of the last attempt, if there was one. */
  readonly status: number | undefined;
  /** Why the last attempt failed, for people. Never contains the write key. */
  readonly message: string;
}

/** Worker to main. */
export type ToMain =
  | ClientMessage
  /** The counters have changed since the last message. Posted for idle clients, and for all if main subscribed. */
  | { readonly type: 'progress' }
  /** Some time has passed, see `StartMessage.ticks`. */
  | { readonly type: 'tick' };

/** About one client, in order. Deliveries that nobody waits for aren't posted, see `DELIVERED`. */
export type ClientMessage = {
  readonly client: number;
} /** All events before `first` are delivered, except those that an earlier message reported as lost. */ & (
  | ({ readonly first: number } & (Loss | { readonly type: 'left'; readonly through: number }))
  /** All events up to `through` are delivered, except those reported as lost. For callers that wait, see `EXPECTED`. */
  | { readonly type: 'delivered'; readonly through: number }
  /** `Retry-After` holds this client, see `HELD_UNTIL`. A caller with less time than that needn't wait. */
  | { readonly type: 'held' }
  /** The batch that starts at `first` is sent again later, because the API or the network has a problem. */
  | ({ readonly type: 'postponed'; readonly first: number } & Retry)
  /** The batch that starts at `first` is sent again now. */
  | ({ readonly type: 'retried'; readonly first: number } & Retry)
  | ({ readonly type: 'spool' } & SpoolReport)
  /** Number of events of earlier processes that were delivered. */
  | { readonly type: 'recovered'; readonly count: number }
  /** The `store` with this id has ended, whether it succeeded or not. See `SPOOL.STORED`. */
  | { readonly type: 'stored'; readonly id: number }
);

/** Codes of failures in the worker. `errors.ts` of the SDK documents each of them. */
export type FailureCode =
  | 'event_too_large'
  | 'unserializable'
  | 'rejected'
  | 'redirected'
  | 'tls_refused'
  | 'token_refused'
  | 'retries_exhausted'
  | 'retry_duration_exceeded'
  | 'worker_crashed'
  | 'spool_damaged'
  | 'spool_expired'
  | 'spool_failed'
  | 'spool_foreign';

/** The trusted authorities, and the certificate of this client: PEM texts. */
export interface Tls {
  /** Certificates of authorities, one per text. They replace those that Node.js trusts. */
  readonly ca?: readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How requests reach their server. */
export interface ConnectionSettings {
  /** URL of the proxy, with user name and password if it needs them. */
  readonly proxy: string | undefined;
  readonly tls: Tls | undefined;
  /** Milliseconds for one request, from its first byte to the last byte of the reply. */
  readonly requestTimeout: number;
}

/** The settings of a client that the worker needs. Posted once, when the client is opened. */
export interface DeliverySettings extends ConnectionSettings {
  readonly url: string;
  readonly writeKey: string;
  readonly userAgent: string;
  /** Most events in one request. */
  readonly batchSize: number;
  /** Most events in one request when there is a backlog, see `sizeOf` in batch.ts. */
  readonly maxBatchSize: number;
  /** Milliseconds that a batch may wait for more events if it isn't full. */
  readonly linger: number;
  readonly maxRetries: number;
  /** Milliseconds after which a batch is no longer retried. */
  readonly maxRetryDuration: number;
  /** Sent with each request, in addition to the SDK's own headers. Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly gzip: boolean;
  readonly stub: boolean;
  readonly redact?: Redaction | undefined;
  readonly oauth?: OAuthSettings | undefined;
  readonly spool?: WorkerSpool | undefined;
}

/** The setting `spool`. settings/spool.ts of the SDK documents it and has the defaults. */
export interface SpoolLimits {
  readonly directory: string;
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly maxAge: number;
  /** Milliseconds. */
  readonly syncInterval: number;
  readonly strict: boolean;
}

/** Where events are kept until they are sent. */
export interface WorkerSpool extends SpoolLimits {
  /** Names of the process and of the client's run, see spool/run-folder.ts. */
  readonly holder: string;
  readonly run: string;
  /** Number of events after which a sync is always started, because they take up memory until then. */
  readonly syncAfter: number;
  /** The control block of the spool, see `SPOOL`. */
  readonly control: SharedArrayBuffer;
}

/** How to get access tokens. */
export interface OAuthSettings {
  /** Address of the token server, without a trailing slash. */
  readonly authServer: string;
  /** URL of the proxy to the token server. It may differ from the API's proxy, or there may be none. */
  readonly proxy: string | undefined;
  readonly clientId: string;
  readonly keyId: string;
  /** An RSA key. Unlike its PEM text, a key object doesn't appear in logs or in inspected objects. */
  readonly clientKey: import('node:crypto').KeyObject;
  readonly scope: string;
}

/** What is redacted in each event before it is batched. */
export interface Redaction {
  /** Fields to remove. */
  readonly remove: readonly Path[];
  /** Fields to replace by their SHA-256. */
  readonly hash: readonly Path[];
  readonly salt: string;
}

/** Keys from the outermost to the innermost. Null matches any key. */
export type Path = readonly (string | null)[];

/** The only task of the pool. It starts the worker's service; clients are opened by messages. */
export interface StartMessage {
  readonly port: import('node:worker_threads').MessagePort;
  readonly health: SharedArrayBuffer;
  /** Whether main wants a `tick` with each heartbeat, because its own timers are fake. */
  readonly ticks: boolean;
  /** Set if the host's thread isn't the main thread. Node.js doesn't tell it when the main thread ends. */
  readonly hostThread: HostThread | undefined;
}

/** A thread of the host, and the memory that tells it that the main thread is ending. See `HOST`. */
export interface HostThread {
  readonly memory: SharedArrayBuffer;
  /** Index of its first word. */
  readonly at: number;
}

// The control block: one for each client and worker. Both sides read it. Each slot names the side that writes it.

/** Bytes of a control block. */
export const CONTROL_BYTES = 72;

/** Slots of the control block's Int32 view. */
export const CONTROL = {
  /** The worker: number of changes. Main sleeps on this word. It wraps, so compare only for equality. */
  CHANGES: 0,
  /** The worker: requests started for the current batch, see `CURRENT_BATCH`. */
  ATTEMPTS: 1,
} as const;

/** Slots of the control block's BigInt64 view. It overlaps the Int32 view, which uses slot 0. */
export const COUNTER = {
  /** The worker: requests sent. */
  REQUESTS: 1,
  /** The worker: requests that repeated an earlier one. */
  RETRIES: 2,
  /** The worker: bytes of request bodies sent, before compression. */
  BYTES: 3,
  /**
   * The worker: time on its own clock, see `HEALTH_CLOCK`, until which `Retry-After` holds this client; 0 if not held.
   */
  HELD_UNTIL: 4,
  /**
   * The worker: sequence number of the last event of the current batch. After a crash, it shows which batch was in
   * flight.
   */
  CURRENT_BATCH: 5,
  /**
   * The worker: sequence number of the last delivered event. All earlier events are delivered, except those that a
   * message reported as lost. Those messages are posted before this number is written.
   */
  DELIVERED: 6,
  /** Main: sequence number up to which the worker wakes it for deliveries. */
  EXPECTED: 7,
  /**
   * The worker: sequence number of the last event that a message reported as lost. Written before `DELIVERED` passes
   * it, so main needn't read its messages if it already has this one.
   */
  LOST: 8,
} as const;

/** Bytes of a spool's control block. */
export const SPOOL_CONTROL_BYTES = 72;

/** Slots of the BigInt64 view of a spool's control block, which the worker writes. */
export const SPOOL = {
  /** Sequence number up to which all events are on disk or settled. */
  STORED: 0,
  /** Bytes of the source in the directory. */
  BYTES: 1,
  /** Events of earlier processes that this process delivered. */
  RECOVERED: 2,
  /** Events that could not be read. */
  DAMAGED: 3,
  /** When the oldest waiting event was accepted, in milliseconds since 1970; 0 if none is waiting. */
  OLDEST: 4,
  /** 1 while the disk fails. */
  FAILING: 5,
  /** 1 while the source is paused because of a wrong setting. */
  PAUSED: 6,
} as const;

/** Slots of the Int32 view of a spool's control block, behind the others. */
export const SPOOL_WORD = {
  /** The worker: 1 while the source has `maxBytes` on disk. Main reads it for each event. */
  FULL: 14,
  /** Both: number of runs of the client that other processes have adopted, see shared-run-name.ts. */
  RUN: 15,
  /** The worker: 1 once a worker has opened a run of a strict spool, see strict-run.ts. */
  OPENED: 16,
} as const;

// The health block: one for each worker.

/** Bytes of the health block. */
export const HEALTH_BYTES = 536;

/** Where the worker writes the message of the exception that ends it, in UTF-8. */
export const EXIT_MESSAGE = { START: 24, BYTES: 512 } as const;

/** Slots of the health block's Int32 view. */
export const HEALTH = {
  /** 1 when the worker is exiting, because of an exception or `process.exit()`. */
  DEAD: 0,
  /**
   * Increases with each step of the work, and every `BEAT_INTERVAL_MS` while there is work. 0 until the worker has
   * started.
   */
  BEAT: 1,
  // Words 2 and 3 are `HEALTH_CLOCK`.
  /** 1 when the thread runs our code, before it has loaded the rest. */
  BEGUN: 4,
  /** Main: 1 if there is a subscriber to deliveries. The worker then posts `progress` whenever there is some. */
  SUBSCRIBED: 5,
} as const;

/**
 * Slot of the health block's BigInt64 view. The worker: milliseconds on its clock at the last heartbeat. Main uses it
 * to compute how long the worker is still held, because the clocks of two threads can't be compared.
 */
export const HEALTH_CLOCK = 1;

/** Milliseconds between heartbeats. At ten a second, a whole second without a heartbeat isn't an accident. */
export const BEAT_INTERVAL_MS = 100;

// The threads of the host: one block per process. The SDK on the main thread creates it, and threads that start later
// find it in their environment data. When the main thread ends, it ends all other threads without running any of their
// code.

/** Key of the environment data. */
export const HOST_KEY = '@offthread/sdk/host-threads/1';

/** Slots of the block's Int32 view. */
export const HOST = {
  /** Main: 1 when it is ending and waits until pending events have been sent. */
  ENDING: 0,
  /** Any thread: changes when a thread has no more pending events. Main sleeps on this word. */
  CHANGES: 1,
  /** First word of the first thread. */
  THREADS: 4,
} as const;

/** The words of each thread, relative to its first word. */
export const HOST_THREAD = {
  /** The thread: its `threadId` while it has events pending, otherwise 0. */
  PENDING: 0,
  /** The thread and its worker: increases every `BEAT_INTERVAL_MS` while the thread flushes and the worker has work. */
  BEAT: 1,
  /** The thread: the longest time that main waits for it, in milliseconds. */
  TIMEOUT: 2,
  WORDS: 4,
} as const;

/**
 * Number of threads that can have pending events at the same time. Two threads whose ids are equal modulo this number
 * share their words.
 */
export const HOST_THREADS = 256;
