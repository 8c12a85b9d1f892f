// Measures how much of an upload hasn't arrived, and whether a timeout was caused by a slow link. Used by exchange.ts.
import { closeSync, openSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';

/** The part of an upload that hasn't arrived yet. */
export interface Upload {
  readonly bytes: number;
  /**
   * Whether `bytes` includes the system's buffers. Without them, 250 KB can look sent after a millisecond and still
   * take seconds.
   */
  readonly isExact: boolean;
}

/**
 * Whether a request timed out because the link is slow: the upload was still running at the first check and has
 * progressed since. If nothing moves, the other side doesn't read; if everything arrived early, it doesn't respond. A
 * smaller batch would help in neither case.
 */
export function isSlow(after: Upload | undefined, end: Upload | undefined): boolean {
  if (after === undefined || end === undefined || after.bytes === 0) return false;
  return end.bytes < after.bytes || !end.isExact;
}

/** Returns the part of an upload that hasn't arrived, or undefined if there is no connection yet. */
export function uploadOf(socket: Socket | null | undefined): Upload | undefined {
  if (socket == null || socket.connecting || socket.localPort === undefined) return undefined;
  const buffered = unacknowledged(socket);
  return { bytes: socket.writableLength + (buffered ?? 0), isExact: buffered !== undefined };
}

/** Maximum bytes of the system's table to search, about 7,000 connections. The search has to be fast. */
const MAX_TABLE_BYTES = 1024 * 1024;

/**
 * Returns the bytes that the other side hasn't acknowledged, or undefined if the system doesn't say. Synchronous,
 * because a promise would wait behind the host's work in the thread pool while the timeout runs.
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
    // Not Linux, or forbidden by the permission model of Node.js.
  } finally {
    if (file !== undefined) closeSync(file);
  }
  return undefined;
}
