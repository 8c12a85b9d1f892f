// Writes the command that sends a request again from a shell. Secrets are shell variables.
import { CONNECTION_HEADERS } from '../src/live/connection-headers.js';
import type { LiveContent } from '../src/live/content.js';
import { hasUnseen } from './visible.js';

/** Linux limits one argument of a command to 128 KB. A shell's built-in `printf` has no limit. */
const LONGEST_ARGUMENT = 60_000;

/** Returns a `curl …` command for bash or zsh. Throws for a body that no shell can hold. */
export function curlOf(method: string, url: string, { query, headers, body }: LiveContent): string {
  const [first = '', ...rest] = query;
  const address = wordOf([url + first, ...rest]);
  const data = body.type === 'text' ? wordOf(body.pieces) : '';
  const isLong = data.length > LONGEST_ARGUMENT;
  const words = [
    method === 'POST' && body.type === 'text' ? '' : `-X ${quote(method)}`,
    /[[\]{}]/.test(url + query.join('')) ? '--globoff' : '',
    // The local API has a self-signed certificate.
    url.startsWith('https:') ? '--insecure' : '',
    ...headers.filter(({ name }) => !CONNECTION_HEADERS.has(name)).map(headerWord),
    headers.some(({ name }) => name === 'content-type') ? '' : "-H 'content-type:'",
    // Not --data-binary, which reads a file if the body starts with an @.
    data === '' ? '' : isLong ? '--data-binary @-' : `--data-raw ${data}`,
  ].filter((word) => word !== '');
  const start = isLong ? `printf %s ${data} |\n  curl` : 'curl';
  return `${[`${start} ${address}`, ...words].join(' \\\n  ')}\n`;
}

function headerWord({ name, value, isMasked }: LiveContent['headers'][number]): string {
  if (!isMasked) return `-H ${quote(value === '' ? `${name};` : `${name}: ${value}`)}`;
  if (/^basic /i.test(value)) return '-u "$WRITE_KEY:"';
  return /^bearer /i.test(value) ? `-H "${name}: Bearer $ACCESS_TOKEN"` : '';
}

/** Joins pieces of text with the write key between them, as one word of a shell. */
function wordOf(pieces: readonly string[]): string {
  return pieces.map((piece) => (piece === '' ? '' : quote(piece))).join('"$WRITE_KEY"');
}

/** Quotes a text as one word of a shell. Invisible characters are written as escapes, byte by byte. */
function quote(text: string): string {
  if (text.includes('\0')) throw new Error('a shell cannot hold U+0000');
  if (!hasUnseen(text) && !/[\r\n\t]/.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = Array.from(text, (character) => {
    if (character === "'" || character === '\\') return `\\${character}`;
    return hasUnseen(character) || /[\r\n\t]/.test(character) ? bytesOf(character) : character;
  });
  return `$'${escaped.join('')}'`;
}

function bytesOf(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('');
}
