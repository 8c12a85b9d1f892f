// Makes untrusted text safe to show: it can't reorder, hide or break its surroundings.

/**
 * Control characters, line separators and invisible formatting such as U+202E, which reverses the text after it. The
 * two joiners are excluded, because emoji and Persian need them.
 */
const UNSEEN = /(?![\n\t\u200c\u200d]|\r\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LINE_BREAKS = /[\n\r\t]/g;
const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Returns the text with `\u202e` for U+202E and so on. Keeps line breaks and tabs. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** The same on one line, truncated to `most` characters and an ellipsis. */
export function visibleLine(text: string, most: number): string {
  const line = visible(clip(text, most).replace(LINE_BREAKS, (character) => ESCAPES[character] ?? ''));
  return text.length > most ? `${line}…` : line;
}

/** Whether a text has characters that `visible` escapes. */
export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) !== -1;
}

/** Returns at most this many characters, without splitting one. */
export function clip(text: string, most: number): string {
  return text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}

/** Escapes a character as in JSON and JavaScript strings, with one escape per UTF-16 code unit. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
