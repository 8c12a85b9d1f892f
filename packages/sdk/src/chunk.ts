// Frames, one by one -> posts, together. In: that a frame was added. Out: when to post. Used by link.ts.
//
//   idle -> leaving      the first frame: posted when the code that is running ends
//   leaving -> gathering posted; frames gather until the timer rings or there are many
//   gathering -> idle    the timer rang and nothing had gathered: an idle client wakes nobody

/**
 * Milliseconds for which frames gather. A post costs main about 15 µs, whatever is in it, and the outcome that comes
 * back for it twice as much: at 500 events a second twenty-five share them, and a twentieth of a second later is soon
 * enough for all but the first event.
 */
const GATHER_MS = 50;

/** Frames after which a post does not wait for the timer: the worker starts on them while main goes on. */
const MANY = 128;

/** Decides when frames are posted. */
export class Chunker {
  readonly #post: () => void;
  #state: 'idle' | 'leaving' | 'gathering' = 'idle';
  #gathered = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param post hands over all that has gathered; never throws. */
  constructor(post: () => void) {
    this.#post = post;
  }

  /** A frame was added. */
  added(): void {
    this.#gathered++;
    if (this.#state === 'idle') {
      this.#state = 'leaving';
      queueMicrotask(this.#leave);
    } else if (this.#gathered >= MANY) this.post();
  }

  /** Posts what has gathered now. */
  post(): void {
    if (this.#gathered === 0) return;
    this.#gathered = 0;
    this.#post();
  }

  /** Forgets what has gathered and stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gathered = 0;
    this.#state = 'idle';
  }

  readonly #leave = (): void => {
    if (this.#state !== 'leaving') return;
    this.#state = 'gathering';
    this.post();
    if (this.#timer === undefined) this.#timer = setTimeout(this.#ring, GATHER_MS).unref();
    else this.#timer.refresh();
  };

  readonly #ring = (): void => {
    if (this.#gathered === 0) {
      this.#state = 'idle';
      return;
    }
    this.post();
    this.#timer?.refresh();
  };
}
