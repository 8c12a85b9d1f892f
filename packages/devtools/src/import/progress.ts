// Shows the progress of an import on stderr: a bar on a terminal, or a line every few seconds.
import type { WriteStream } from 'node:tty';
import { SingleBar } from 'cli-progress';
import { complaint, counted } from '../output.js';
import { count, duration, Meter, type Reach } from './meter.js';

/** Shows how far an import is. */
export class Progress {
  readonly #stream: WriteStream;
  readonly #unit: string;
  readonly #interval: number;
  readonly #meter = new Meter();
  readonly #bar: SingleBar | undefined;
  #fraction = 0;
  #text = '';
  #shownAt: number;

  /**
   * @param unit what messages call a line of the input.
   * @param seconds between two lines if stderr isn't a terminal; 0 for none.
   */
  constructor(stream: WriteStream, unit: string, seconds: number) {
    this.#stream = stream;
    this.#unit = unit;
    this.#interval = seconds === 0 ? Number.POSITIVE_INFINITY : seconds * 1_000;
    this.#shownAt = performance.now();
    if (!stream.isTTY || seconds === 0) return;
    this.#bar = new SingleBar({
      stream,
      format: '{bar}{text}',
      barsize: 30,
      hideCursor: true,
      clearOnComplete: true,
    });
    this.#startBar();
  }

  update(reach: Reach): void {
    const now = performance.now();
    this.#meter.add(reach, now);
    const { fraction, lines } = reach;
    const { rate, left } = this.#meter;
    this.#fraction = fraction ?? 0;
    this.#text = [
      fraction === undefined ? '' : `${Math.floor(fraction * 100)}%`,
      counted(lines, this.#unit),
      `${count(rate)}/s`,
      left === undefined ? '' : `${duration(left)} left`,
    ]
      .filter(Boolean)
      .join('  ');
    if (this.#bar !== undefined) this.#bar.update(this.#fraction, { text: `  ${this.#text}` });
    else if (now - this.#shownAt >= this.#interval) {
      this.#shownAt = now;
      this.#stream.write(`${this.#text}\n`);
    }
  }

  /** Prints a message that stays on the screen. */
  note(message: string): void {
    this.#bar?.stop();
    this.#stream.write(complaint(message));
    if (this.#bar !== undefined) this.#startBar();
  }

  stop(): void {
    this.#bar?.stop();
  }

  #startBar(): void {
    this.#bar?.start(1, this.#fraction, { text: `  ${this.#text}` });
  }
}
