// Removes or hashes the values in an event that must not be sent. Used by queue.ts.
//
// Works on the JSON text and copies everything else byte by byte, because parsing and serializing would change long
// numbers. Relies on the text having no white space, as JSON.stringify writes it.
import { createHash } from 'node:crypto';
import { lengthOf, type Text, write } from '../frame/frame.js';
import type { Path, Redaction } from '../protocol.js';

/** Takes the text of an event and returns the text to send. */
export type Redact = (event: Text) => Text;

/** A node in the tree of all paths: what to do with the value here, and the paths that continue from it. */
interface Place {
  action: 'remove' | 'hash' | undefined;
  readonly steps: Map<string, Place>;
  /** The next node for any key. */
  any: Place | undefined;
}

/** Returns `undefined` if there is nothing to redact. */
export function createRedact(redaction: Redaction | undefined): Redact | undefined {
  if (redaction === undefined || redaction.remove.length + redaction.hash.length === 0) return undefined;
  const root = newPlace();
  for (const path of redaction.hash) placeAt(root, path).action = 'hash';
  // After hashing, so that a value in both lists is removed.
  for (const path of redaction.remove) placeAt(root, path).action = 'remove';
  return (event) => {
    const memory = new Redactor(event, redaction.salt).redact([root]);
    return { head: '', memory, start: 0, end: memory.length };
  };
}

function newPlace(): Place {
  return { action: undefined, steps: new Map(), any: undefined };
}

function placeAt(root: Place, path: Path): Place {
  let place = root;
  for (const step of path) {
    const next: Place = (step === null ? place.any : place.steps.get(step)) ?? newPlace();
    if (step === null) place.any = next;
    else place.steps.set(step, next);
    place = next;
  }
  return place;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Redacts one event. */
class Redactor {
  readonly #bytes: Buffer;
  readonly #salt: string;
  /** The finished output for everything before `#kept`. */
  readonly #pieces: Uint8Array[] = [];
  #kept = 0;

  constructor(event: Text, salt: string) {
    this.#bytes = Buffer.allocUnsafe(lengthOf(event));
    write(event, this.#bytes, 0);
    this.#salt = salt;
  }

  redact(places: readonly Place[]): Buffer {
    this.#visit(0, places);
    this.#replace(this.#bytes.length, this.#bytes.length);
    return Buffer.concat(this.#pieces);
  }

  /** Redacts inside the value at `at` and returns where the value ends. Goes no deeper than the longest path. */
  #visit(at: number, places: readonly Place[]): number {
    const opening = this.#bytes[at];
    if (opening === OPENING_BRACE) return this.#visitItems(at, places, CLOSING_BRACE);
    if (opening === OPENING_BRACKET) return this.#visitItems(at, places, CLOSING_BRACKET);
    return this.#endOf(at);
  }

  #visitItems(at: number, places: readonly Place[], closing: number): number {
    const bytes = this.#bytes;
    let isAlone = true;
    let start = at + 1;
    for (let index = 0; bytes[start] !== closing; index++) {
      const value = closing === CLOSING_BRACE ? this.#endOf(start) + 1 : start;
      const next = stepInto(places, value === start ? String(index) : this.#textOf(start, value - 1));
      const action = actionOf(next);
      const goesOn = next.length > 0 && action === undefined;
      const end = goesOn ? this.#visit(value, next) : this.#endOf(value);
      const behind = bytes[end] === COMMA ? end + 1 : end;
      if (action === 'hash') this.#hash(value, end);
      if (action !== 'remove') isAlone = false;
      // Also removes one comma: the preceding one, or the following one if nothing is left before it.
      else if (isAlone) this.#replace(start, behind);
      else this.#replace(start - 1, end);
      start = behind;
    }
    return start + 1;
  }

  #hash(at: number, end: number): void {
    const text = this.#textOf(at, end);
    // null contains nothing to hide.
    if (text === 'null' && this.#bytes[at] !== QUOTE) return;
    const hash = createHash('sha256').update(this.#salt).update(text).digest('hex');
    this.#replace(at, end, Buffer.from(`"${hash}"`));
  }

  /** The value as text: the content of a string, or the JSON of anything else. */
  #textOf(at: number, end: number): string {
    const text = this.#bytes.toString('utf8', at, end);
    if (this.#bytes[at] !== QUOTE) return text;
    return text.includes('\\') ? JSON.parse(text) : text.slice(1, -1);
  }

  /** Returns the end of the value at `at`. */
  #endOf(at: number): number {
    const bytes = this.#bytes;
    let depth = 0;
    for (let index = at; index < bytes.length; index++) {
      switch (bytes[index]) {
        case QUOTE:
          index = this.#closingQuote(index);
          if (depth === 0) return index + 1;
          break;
        case OPENING_BRACE:
        case OPENING_BRACKET:
          depth++;
          break;
        case CLOSING_BRACE:
        case CLOSING_BRACKET:
          // The end of the object or array that contains a number, true, false or null.
          if (depth === 0) return index;
          if (--depth === 0) return index + 1;
          break;
        case COMMA:
          if (depth === 0) return index;
          break;
      }
    }
    return bytes.length;
  }

  #closingQuote(at: number): number {
    const bytes = this.#bytes;
    let index = at + 1;
    while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
    return index;
  }

  #replace(start: number, end: number, text?: Buffer): void {
    this.#pieces.push(this.#bytes.subarray(this.#kept, start));
    if (text !== undefined) this.#pieces.push(text);
    this.#kept = end;
  }
}

/** Returns the nodes that a key leads to. */
function stepInto(places: readonly Place[], key: string): Place[] {
  const next: Place[] = [];
  for (const { steps, any } of places) {
    const step = steps.get(key);
    if (step !== undefined) next.push(step);
    if (any !== undefined) next.push(any);
  }
  return next;
}

function actionOf(places: readonly Place[]): Place['action'] {
  if (places.some(({ action }) => action === 'remove')) return 'remove';
  return places.some(({ action }) => action === 'hash') ? 'hash' : undefined;
}
