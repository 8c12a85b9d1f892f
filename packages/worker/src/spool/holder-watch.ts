// Which processes are dead, judged from outside. In: holders. Out: whether their runs may be taken. Used by adoption.ts.
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { codeOf } from './file-system.js';
import { bootId, readHolderFile } from './holder.js';
import { withSocketPath } from './socket-path.js';

/** Milliseconds for which a holder's number must have stood still: six signs are missing then. */
const STILL_MS = 120_000;

/** Milliseconds after which a socket that has not answered is one whose process is busy or stopped. */
const CONTACT_TIMEOUT_MS = 1_000;

/** Holders that are contacted at the same moment. */
const AT_ONCE = 16;

/** What a look at a holder found. */
export interface Sight {
  /** What its file holds; undefined if there is none. */
  readonly text: string | undefined;
  /** `'connected'`, `'timeout'`, or the code of the error. */
  readonly contact: string;
  /** Milliseconds for which the file has not changed, by a clock that only goes on. */
  readonly stillFor: number;
}

/**
 * Whether a holder is dead. A socket on which nobody listens says so, but only on the machine on which it was made: NFS
 * answers the same for a process of another machine that lives. For that there is the number in the file.
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
  /** What files held when they were last seen to change, and when that was. */
  readonly #seen = new Map<string, { readonly text: string | undefined; readonly since: number }>();

  constructor({ directory, monotonicTime, boot = bootId(), contact }: HolderWatchOptions) {
    this.#directory = directory;
    this.#now = monotonicTime;
    this.#boot = boot;
    this.#contact = contact ?? ((holder) => contactHolder(directory, holder));
  }

  /** The dead among these holders. Others that were looked at before are forgotten. */
  async findDead(holders: Iterable<string>): Promise<Set<string>> {
    const all = [...new Set(holders)];
    for (const known of this.#seen.keys()) if (!all.includes(known)) this.#seen.delete(known);
    const dead = new Set<string>();
    // A few at a time, so that nothing else in this thread has to wait.
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

/** What becomes of a connection to a holder's socket. Never rejects. */
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
