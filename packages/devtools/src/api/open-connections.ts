// Counts the connections and requests that are open, and ends connections.
import type { Socket } from 'node:net';

/** How many connections and requests are open, and the most that were open at once. */
export interface ConnectionCounts {
  connections: number;
  maxConnections: number;
  maxConcurrentByWriteKey: Record<string, number>;
}

/** Counts what is open at the same time, and ends connections. */
export class OpenConnections {
  #sockets = new Map<string, Socket>();
  #numbers = new WeakMap<Socket, number>();
  #opened = 0;
  #maxConnections = 0;
  #openRequests = new Map<string, { now: number; max: number }>();
  #requests = new WeakMap<Socket, Set<() => void>>();
  #held = new Set<Socket>();
  #broken = new WeakSet<Socket>();

  /** Counts a TCP connection. */
  connect(socket: Socket): void {
    const key = addressOf(socket);
    this.#opened += 1;
    this.#numbers.set(socket, this.#opened);
    this.#sockets.set(key, socket);
    this.#maxConnections = Math.max(this.#maxConnections, this.#sockets.size);
    socket.once('close', () => {
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
    });
  }

  /** Counts a request of a write key until the returned function is called or the connection ends. */
  countRequest(writeKey: string, socket: Socket): () => void {
    const out = this.#openRequests.get(writeKey) ?? { now: 0, max: 0 };
    this.#openRequests.set(writeKey, out);
    out.now += 1;
    out.max = Math.max(out.max, out.now);
    const requests = this.#requestsOn(socket);
    const leave = (): void => {
      if (requests.delete(leave)) out.now -= 1;
    };
    requests.add(leave);
    return leave;
  }

  /** The number of the connection that a request came on. */
  numberOf(socket: Socket): number {
    return this.#numbers.get(this.#tcp(socket)) ?? 0;
  }

  /** Keeps a connection that gets no reply, so that `resetHeld` can end it. */
  hold(socket: Socket): void {
    this.#held.add(socket);
    socket.once('close', () => this.#held.delete(socket));
  }

  /** Records that this server ends the connection. */
  markBroken(socket: Socket): void {
    this.#broken.add(socket);
  }

  /** Whether this server ended the connection. */
  isBroken(socket: Socket): boolean {
    return this.#broken.has(socket);
  }

  /** Resets a connection: the client sees ECONNRESET. */
  reset(socket: Socket): void {
    this.markBroken(socket);
    for (const leave of this.#requestsOn(socket)) leave();
    // Only a TCP socket can send a RST. A TLS socket has one underneath.
    this.#tcp(socket).resetAndDestroy();
    if (!socket.destroyed) socket.destroy();
  }

  /** Resets the connections that get no reply. */
  resetHeld(): void {
    for (const socket of this.#held) this.reset(socket);
  }

  /** Ends every connection. */
  endAll(): void {
    for (const socket of this.#sockets.values()) {
      this.markBroken(socket);
      socket.destroy();
    }
  }

  /** Resets the maxima to what is open now. */
  resetMaxima(): void {
    this.#maxConnections = this.#sockets.size;
    for (const [writeKey, out] of this.#openRequests) {
      if (out.now === 0) this.#openRequests.delete(writeKey);
      else out.max = out.now;
    }
  }

  /** The counters. */
  counts(): ConnectionCounts {
    const maxima = [...this.#openRequests].map(([writeKey, { max }]) => [writeKey, max] as const);
    return {
      connections: this.#sockets.size,
      maxConnections: this.#maxConnections,
      maxConcurrentByWriteKey: Object.fromEntries(maxima),
    };
  }

  #requestsOn(socket: Socket): Set<() => void> {
    const known = this.#requests.get(socket);
    if (known !== undefined) return known;
    const requests = new Set<() => void>();
    this.#requests.set(socket, requests);
    // 'end' as well: a client that gave up may open a new connection before this side has closed the old one.
    for (const event of ['end', 'close']) {
      socket.once(event, () => {
        for (const leave of requests) leave();
      });
    }
    return requests;
  }

  #tcp(socket: Socket): Socket {
    return this.#sockets.get(addressOf(socket)) ?? socket;
  }
}

function addressOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
