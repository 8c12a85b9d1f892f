// Collects what has happened to events, and removes their entries from the engine one batch after the other. Used by
// partition-drain.ts.
import type { Frame } from '@offthread/worker/batch/queue';
import { stringOf } from '@offthread/worker/frame/frame';
import type { Outcome } from '@offthread/worker/protocol';
import type { DeadLetter, Entry } from '../engine/engine.js';
import type { EngineAccess } from './engine-access.js';

export interface RemovalListener {
  onDelivered(events: number): void;
  onDeadLetters(code: string, events: number): void;
}

export class Removals {
  readonly #access: EngineAccess;
  readonly #listener: RemovalListener;
  #delivered = 0;
  /** Dead letters of entries that aren't settled yet. */
  #letters: { readonly sequence: number; readonly letter: DeadLetter }[] = [];
  #done: Promise<void> = Promise.resolve();

  constructor(access: EngineAccess, listener: RemovalListener) {
    this.#access = access;
    this.#listener = listener;
  }

  /** Resolves when everything so far is done. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Takes the outcome of a few events. */
  add(outcome: Outcome, frames: readonly Frame[]): void {
    if (outcome.type === 'delivered') {
      this.#delivered += frames.length;
      this.#listener.onDelivered(frames.length);
    } else if (outcome.type !== 'left') {
      const { code, message, status } = outcome;
      for (const { sequence, text } of frames) {
        this.#letters.push({ sequence, letter: { text: stringOf(text), code, message, status } });
      }
      this.#listener.onDeadLetters(code, frames.length);
    }
  }

  /** Removes entries, with the dead letters of their events. @param through the last of their events. */
  remove(ids: readonly string[], through: number): void {
    const deadLetters = this.#letters
      .filter(({ sequence }) => sequence <= through)
      .map(({ letter }) => letter);
    this.#letters = this.#letters.filter(({ sequence }) => sequence > through);
    const removal = { ids, delivered: this.#delivered, deadLetters };
    this.#delivered = 0;
    this.after(() => this.#access.useAsHolder((engine, lease) => engine.remove(lease, removal)));
  }

  /** Removes entries that can't be sent. Their events become dead letters. */
  giveUp(entries: readonly Entry[], code: string, message: string): void {
    const ids = entries.map(({ id }) => id);
    const deadLetters = entries.flatMap(({ texts }) => texts.map((text) => ({ text, code, message })));
    if (deadLetters.length > 0) this.#listener.onDeadLetters(code, deadLetters.length);
    const removal = { ids, delivered: 0, deadLetters };
    this.after(() => this.#access.useAsHolder((engine, lease) => engine.remove(lease, removal)));
  }

  /** Does something when everything so far is done. */
  after(act: () => Promise<unknown>): void {
    this.#done = this.#done.then(async () => {
      await act();
    });
    // Awaited later, so that a rejection isn't unhandled until then.
    this.#done.catch(() => {});
  }

  /** Forgets the outcomes of entries that aren't settled. They are sent again. */
  forget(): void {
    this.#delivered = 0;
    this.#letters = [];
  }
}
