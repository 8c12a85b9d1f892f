// Lets one relay at a time use a directory. A process that ends, however it ends, keeps nothing locked.
//
// A relay shows that it is alive by a Holder of the spool: a socket that it listens on, and a file for processes on
// other machines. The lock is `lock.N`, a link to the holder's file. The link with the highest N counts. A relay that
// finds its holder dead, or that it names nobody, makes `lock.N+1`, which only one process can. A link is never removed while it is the highest.
// So a process that was slow and makes a lower one finds the higher one after that, and loses.
import { readlinkSync, symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, nodeFileSystem } from '@offthread/worker/spool/file-system';
import { Holder, SIGN_INTERVAL_MS } from '@offthread/worker/spool/holder';
import { contactHolder, HolderWatch } from '@offthread/worker/spool/holder-watch';

/** Milliseconds between two looks at a holder that may be dead. */
const LOOK_MS = 2_000;

/** Longer than a holder on another machine can stand still and be alive. */
const PATIENCE_MS = 150_000;

/** What the link names when a relay has unlocked the directory. */
const NOBODY = 'nobody';

const LOCK = /^lock\.(\d{1,15})$/;

/** Another relay uses the directory. */
class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';
}

export class DirectoryLock {
  readonly #directory: string;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;
  #number = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#holder = new Holder(directory);
    this.#timer = setInterval(() => this.#holder.sign(), SIGN_INTERVAL_MS);
    this.#timer.unref();
  }

  /**
   * Locks a directory that exists. If it isn't certain whether the relay that has it is alive, because it is on another
   * machine, waits up to two minutes.
   *
   * @param onWait called if it has to wait.
   * @throws {DirectoryLockedError}
   */
  static async acquire(directory: string, onWait: () => void): Promise<DirectoryLock> {
    const lock = new DirectoryLock(directory);
    try {
      await lock.#acquire(onWait);
      return lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Whether it is still locked by this process. It isn't if this process stood still for minutes. */
  get isHeld(): boolean {
    return ownerOf(this.#directory, this.#number) === this.#holder.id;
  }

  /** Unlocks the directory, if it is still locked. */
  release(): void {
    clearInterval(this.#timer);
    try {
      if (this.isHeld) symlinkSync(NOBODY, pathOf(this.#directory, this.#number + 1));
    } catch {
      // Without that link the next relay finds no process behind the lock.
    }
    this.#holder.close();
  }

  async #acquire(onWait: () => void): Promise<void> {
    const monotonicTime = (): number => performance.now();
    const watch = new HolderWatch({ directory: this.#directory, monotonicTime });
    const start = monotonicTime();
    let isWaiting = false;
    for (;;) {
      const result = await this.#try(watch);
      if (result === 'locked') return;
      if (monotonicTime() - start > PATIENCE_MS) throw lockedBy(this.#directory);
      if (result === 'overtaken') continue;
      if (!isWaiting) onWait();
      isWaiting = true;
      await sleep(LOOK_MS);
    }
  }

  /** `overtaken`: another relay was faster. `unclear`: the holder may be alive. */
  async #try(watch: HolderWatch): Promise<'locked' | 'overtaken' | 'unclear'> {
    const top = highest(this.#directory);
    const owner = ownerOf(this.#directory, top);
    if (owner !== undefined && owner !== NOBODY && !(await watch.findDead([owner])).has(owner)) {
      if ((await contactHolder(this.#directory, owner)) === 'connected') throw lockedBy(this.#directory);
      return 'unclear';
    }
    const number = top + 1;
    try {
      symlinkSync(`${this.#holder.id}.holder`, pathOf(this.#directory, number));
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'overtaken';
      throw error;
    }
    if (highest(this.#directory) > number) {
      nodeFileSystem.remove(pathOf(this.#directory, number));
      return 'overtaken';
    }
    this.#number = number;
    this.#clearUp(owner);
    return 'locked';
  }

  /** Removes lower links and what the dead holder has left. */
  #clearUp(owner: string | undefined): void {
    const lower = numbersIn(this.#directory).filter((number) => number < this.#number);
    const paths = lower.map((number) => pathOf(this.#directory, number));
    const left = owner === undefined || owner === NOBODY ? [] : [`${owner}.sock`, `${owner}.holder`];
    for (const path of [...paths, ...left.map((name) => `${this.#directory}/${name}`)]) {
      try {
        nodeFileSystem.remove(path);
      } catch {
        // Another process was faster, or it never existed.
      }
    }
  }
}

/** Whether a relay that is alive uses the directory. */
export async function isLocked(directory: string): Promise<boolean> {
  const owner = ownerOf(directory, highest(directory));
  return owner !== undefined && (await contactHolder(directory, owner)) === 'connected';
}

function lockedBy(directory: string): DirectoryLockedError {
  return new DirectoryLockedError(
    `another relay uses ${directory}; stop it, give this one a --directory of its own, or pass --redis to both`,
  );
}

function highest(directory: string): number {
  return Math.max(0, ...numbersIn(directory));
}

function numbersIn(directory: string): number[] {
  return nodeFileSystem.list(directory).flatMap((name) => {
    const digits = LOCK.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

/** Returns the holder that a link names; undefined if there is no such link. */
function ownerOf(directory: string, number: number): string | undefined {
  try {
    return readlinkSync(pathOf(directory, number)).replace(/\.holder$/, '');
  } catch {
    return undefined;
  }
}

function pathOf(directory: string, number: number): string {
  return `${directory}/lock.${number}`;
}
