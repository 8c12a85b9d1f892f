// Decides which processes are dead, so that their runs can be adopted. Used by adoption.ts.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { codeOf } from './file-system.js';
import { bootId, readHolderFile } from './holder.js';
import { withSocketPath } from './socket-path.js';

/**
 * Milliseconds without a change of a holder's number after which it counts as dead: six signs of life are then missing.
 */
const STILL_MS = 120_000;

/** Milliseconds to wait for a socket to answer. After that, its process is considered busy or stopped. */
const CONTACT_TIMEOUT_MS = 1_000;

/** Number of holders that are contacted at the same time. */
const AT_ONCE = 16;

/** What was found out about a holder. */
export interface Sight {
  /** The content of its file; undefined if there is none. */
  readonly text: string | undefined;
  /** `'connected'`, `'timeout'`, or the code of the error. */
  readonly contact: string;
  /** Milliseconds since the file last changed, by a monotonic clock. */
  readonly stillFor: number;
}

/**
 * Whether a holder is dead. A socket without a listener proves it, but only on the machine that created the socket: NFS
 * gives the same answer for a live process on another machine. In that case, the number in the file decides.
 */
export function isDead({ text, contact, stillFor }: Sight, boot: string): boolean {
  if (contact === 'connected') return false;
  const file = text === undefined ? undefined : readHolderFile(text);
  const isRefused = contact === 'ECONNREFUSED' || contact === 'ENOENT';
  if (file?.boot === boot && file.listens) return isRefused;
  return stillFor >= STILL_MS;
}

export interface HolderWatchOptions {
  readonly directory: string;
  readonly monotonicTime: () => number;
  readonly boot?: string;
  readonly contact?: (holder: string) => Promise<string>;
}

export class HolderWatch {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #boot: string;
  readonly #contact: (holder: string) => Promise<string>;
  /** The content of each file when it was last seen to change, and the time of that. */
  readonly #seen = new Map<string, { readonly text: string | undefined; readonly since: number }>();

  constructor({ directory, monotonicTime, boot = bootId(), contact }: HolderWatchOptions) {
    this.#directory = directory;
    this.#now = monotonicTime;
    this.#boot = boot;
    this.#contact = contact ?? ((holder) => contactHolder(directory, holder));
  }

  /** Returns those of the holders that are dead. Forgets all other holders. */
  async findDead(holders: Iterable<string>): Promise<Set<string>> {
    const all = [...new Set(holders)];
    for (const known of this.#seen.keys()) if (!all.includes(known)) this.#seen.delete(known);
    const dead = new Set<string>();
    // A few at a time, so that other work on this thread isn't delayed.
    for (let at = 0; at < all.length; at += AT_ONCE) {
      const some = all.slice(at, at + AT_ONCE);
      for (const holder of await this.#findDead(some)) dead.add(holder);
    }
    return dead;
  }

  async #findDead(holders: readonly string[]): Promise<Set<string>> {
    const dead = new Set<string>();
    await Promise.all(
      holders.map(async (holder) => {
        const text = this.#read(holder);
        const before = this.#seen.get(holder);
        const since = before !== undefined && before.text === text ? before.since : this.#now();
        this.#seen.set(holder, { text, since });
        const contact = await this.#contact(holder);
        if (isDead({ text, contact, stillFor: this.#now() - since }, this.#boot)) dead.add(holder);
      }),
    );
    return dead;
  }

  #read(holder: string): string | undefined {
    try {
      return readFileSync(`${this.#directory}/${holder}.holder`, 'utf8');
    } catch {
      return undefined;
    }
  }
}

/** Tries to connect to a holder's socket and returns the result. Never rejects. */
export function contactHolder(directory: string, holder: string): Promise<string> {
  return new Promise((resolve) => {
    try {
      const socket = withSocketPath(directory, holder, (path) => connect({ path }));
      const end = (result: string): void => {
        socket.destroy();
        resolve(result);
      };
      socket.setTimeout(CONTACT_TIMEOUT_MS, () => end('timeout'));
      socket.on('connect', () => end('connected'));
      socket.on('error', (error) => end(codeOf(error) ?? 'unknown'));
    } catch (error) {
      resolve(codeOf(error) ?? 'unknown');
    }
  });
}
