// Counts the events of a body without reading them, for load tests.

const MESSAGE_ID = Buffer.from('"messageId":');

/** Counts events by their messageIds, chunk by chunk, at next to no cost. */
export class EventCounter {
  #count = 0;
  /** The last bytes of the previous chunks, in which a messageId may start. */
  #seam: Buffer = Buffer.alloc(0);

  /** Takes the next chunk of the body. */
  add(chunk: Buffer): void {
    const shorter = MESSAGE_ID.length - 1;
    const around = Buffer.concat([this.#seam, chunk.subarray(0, shorter)]);
    this.#count += countIn(around) + countIn(chunk);
    this.#seam = Buffer.from((chunk.length < shorter ? around : chunk).subarray(-shorter));
  }

  /** The number of events so far. */
  get count(): number {
    return this.#count;
  }
}

function countIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(MESSAGE_ID); at !== -1; at = bytes.indexOf(MESSAGE_ID, at + 1)) count++;
  return count;
}
