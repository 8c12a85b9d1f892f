// Appends events that the API refused to a file of NDJSON, so that they can be corrected and sent again. Used by
// spool.ts.
//
// Each line is `{"event":…,"code":"rejected","status":400,"message":"…","time":"…"}`.
import type { Loss } from '../protocol.js';
import { codeOf, type FileSystem, writeAll } from './file-system.js';

export interface DeadLetter {
  /** The event as it was sent, as JSON text. */
  readonly event: string;
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  /** When the event was given up, in milliseconds since 1970. */
  readonly time: number;
}

const LINE_FEED = 0x0a;

/** The codes of losses that are due to the event itself. */
const DEAD: ReadonlySet<Loss['code']> = new Set(['rejected', 'worker_crashed']);

/** Whether the events of this loss could not be sent however often it is tried. */
export function isUnsendable({ code }: Loss): boolean {
  return DEAD.has(code);
}

/** @param time when the events were given up, in milliseconds since 1970. */
export function lettersOf({ code, status, message, events = [] }: Loss, time: number): DeadLetter[] {
  return events.map((event) => ({ event, code, status, message, time }));
}

/**
 * Appends to the file, and creates it if necessary.
 *
 * @throws the system's error. Then either nothing was appended, or part of a line, which the next call terminates.
 */
export function appendDeadLetters(fs: FileSystem, path: string, letters: readonly DeadLetter[]): void {
  const lines = letters.map(({ event, code, status, message, time }) => {
    const facts = JSON.stringify({ code, status, message, time: new Date(time).toISOString() });
    return `{"event":${event},${facts.slice(1)}\n`;
  });
  const file = openFile(fs, path);
  try {
    const end = fs.size(file);
    const last = Buffer.alloc(1);
    const isWhole = end === 0 || (fs.read(file, last, end - 1) === 1 && last[0] === LINE_FEED);
    try {
      writeAll(fs, file, Buffer.from(`${isWhole ? '' : '\n'}${lines.join('')}`), end);
    } catch (error) {
      fs.truncate(file, end);
      throw error;
    }
  } finally {
    fs.close(file);
  }
}

function openFile(fs: FileSystem, path: string): number {
  try {
    return fs.open(path, 'r+');
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return fs.open(path, 'wx+');
  }
}
