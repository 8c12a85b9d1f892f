// Text of somebody else's, made safe to read: nothing in it can reorder, hide or break what stands around it.

/**
 * Control characters, line separators and what only formats, such as U+202E, which turns the text behind it around.
 * Emoji and Persian need the two joiners.
 */
const UNSEEN = /(?![\n\t\u200c\u200d]|\r\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LINE_BREAKS = /[\n\r\t]/g;
const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with `\u202e` written out for U+202E, and so on. Line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(UNSEEN, escaped);
}

/** The same on one line, and not longer than `most` characters and an ellipsis. */
export function visibleLine(text: string, most: number): string {
  const line = visible(clip(text, most).replace(LINE_BREAKS, (character) => ESCAPES[character] ?? ''));
  return text.length > most ? `${line}…` : line;
}

/** Whether a text has characters that `visible` writes out. */
export function hasUnseen(text: string): boolean {
  return text.search(UNSEEN) !== -1;
}

/** At most so many characters, and no half of one. */
export function clip(text: string, most: number): string {
  return text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}

/** As JSON and JavaScript write a character in a string, one escape for each UTF-16 code unit. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
