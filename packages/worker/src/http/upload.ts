// A connection -> how much of what was written to it has not arrived, and whether that is because the link is slow. Used by
// exchange.ts.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';

/** What is still on its way. */
export interface Upload {
  readonly bytes: number;
  /** Whether `bytes` has what the system buffers: 250 KB may be all written after a millisecond, and take seconds. */
  readonly isExact: boolean;
}

/**
 * Whether a request that ran out of time did so because the link is slow: it was still uploading after a while, and got
 * further since. Where nothing moves the other side does not read, and where all arrived soon it does not answer; a
 * smaller batch would help with neither.
 */
export function isSlow(after: Upload | undefined, end: Upload | undefined): boolean {
  if (after === undefined || end === undefined || after.bytes === 0) return false;
  return end.bytes < after.bytes || !end.isExact;
}

/** What of an upload is still on its way; undefined if there is no connection yet. */
export function uploadOf(socket: Socket | null | undefined): Upload | undefined {
  if (socket == null || socket.connecting || socket.localPort === undefined) return undefined;
  const buffered = unacknowledged(socket);
  return { bytes: socket.writableLength + (buffered ?? 0), isExact: buffered !== undefined };
}

/** Bytes of the system's table that are looked through, some 7,000 connections: it must not take long. */
const MAX_TABLE_BYTES = 1024 * 1024;

/**
 * Bytes that the other side has not acknowledged; undefined where the system does not say. Not by a Promise, whose work
 * would wait behind the host's own in the thread pool, while time runs out.
 * Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
 */
function unacknowledged({ localPort = 0, remotePort = 0, remoteFamily }: Socket): number | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
  const line = new RegExp(`:${hex(localPort)} [0-9A-F]+:${hex(remotePort)} [0-9A-F]{2} ([0-9A-F]{8}):`);
  let file: number | undefined;
  try {
    file = openSync(remoteFamily === 'IPv6' ? '/proc/self/net/tcp6' : '/proc/self/net/tcp', 'r');
    const piece = Buffer.allocUnsafe(64 * 1024);
    let rest = '';
    for (let total = 0; total < MAX_TABLE_BYTES; ) {
      const length = readSync(file, piece);
      if (length === 0) return undefined;
      total += length;
      const text = rest + piece.toString('latin1', 0, length);
      const [, queued] = line.exec(text) ?? [];
      if (queued !== undefined) return Number.parseInt(queued, 16);
      rest = text.slice(text.lastIndexOf('\n') + 1);
    }
  } catch {
    // Not Linux, or Node.js's permission model.
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return undefined;
}
