// An event as JSON text -> the same without what is not to leave the machine. Used by queue.ts.
//
// Works on the text, and copies what it leaves alone byte by byte: parsed and written again a long number would be
// another one. The text is as JSON.stringify writes it, without white space.
import { createHash } from 'node:crypto';
import { lengthOf, type Text, write } from '../frame/frame.js';
import type { Path, Redaction } from '../protocol.js';

/** Takes an event's text, gives back what may be sent of it. */
export type Redact = (event: Text) => Text;

/** All paths at once: what to do with a value, and where to go on from it. */
interface Place {
  action: 'remove' | 'hash' | undefined;
  readonly steps: Map<string, Place>;
  /** For any key. */
  any: Place | undefined;
}

/** `undefined` where nothing is to be redacted. */
export function createRedact(redaction: Redaction | undefined): Redact | undefined {
  if (redaction === undefined || redaction.remove.length + redaction.hash.length === 0) return undefined;
  const root = newPlace();
  for (const path of redaction.hash) placeAt(root, path).action = 'hash';
  // Second: what is to be removed and hashed is removed.
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

/** One event. */
class Redactor {
  readonly #bytes: Buffer;
  readonly #salt: string;
  /** What is done with: everything before `#kept`. */
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

  /** Looks into the value at `at`; returns where it ends. Goes no deeper than the longest path. */
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
      // One comma goes as well: the one before it, or, where nothing is left before it, the one behind it.
      else if (isAlone) this.#replace(start, behind);
      else this.#replace(start - 1, end);
      start = behind;
    }
    return start + 1;
  }

  #hash(at: number, end: number): void {
    const text = this.#textOf(at, end);
    // There is nothing in null that could be hidden.
    if (text === 'null' && this.#bytes[at] !== QUOTE) return;
    const hash = createHash('sha256').update(this.#salt).update(text).digest('hex');
    this.#replace(at, end, Buffer.from(`"${hash}"`));
  }

  /** The value at `at` as text: of a string what is in it, of all else its JSON. */
  #textOf(at: number, end: number): string {
    const text = this.#bytes.toString('utf8', at, end);
    if (this.#bytes[at] !== QUOTE) return text;
    return text.includes('\\') ? JSON.parse(text) : text.slice(1, -1);
  }

  /** Where the value at `at` ends. */
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
          // Of what a number, true, false or null is in.
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

/** The places that a key leads to. */
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
