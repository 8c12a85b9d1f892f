// The Markdown files of this repository: their paths, links, anchors and tables.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Written by tools, or not ours. */
const SKIPPED = ['.git', 'node_modules', 'dist', 'coverage', 'reports', 'api'];

/** All files below a folder whose name ends like that, relative to the root. */
export function filesIn(folder: string, ending = '.md'): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = relative(root, join(root, folder, entry.name));
    if (entry.isDirectory()) return SKIPPED.includes(entry.name) ? [] : filesIn(path, ending);
    return entry.name.endsWith(ending) ? [path] : [];
  });
}

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** The text without its blocks of code, in which `#` begins a comment. */
function prose(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```/gms, '');
}

/** Where the links and images of a text lead. */
export function linksOf(text: string): string[] {
  const plain = prose(text).replaceAll(/`[^`\n]*`/g, '`');
  const links = plain.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm);
  const attributes = plain.matchAll(/<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"]+)"/g);
  return [...links, ...attributes].map(([, inline, definition]) => inline ?? definition ?? '');
}

/** What GitHub makes of the headings of a text. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of prose(text).matchAll(/^#{1,6} +(.*)$/gm)) {
    const slug = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The rows of all tables of a text whose first column is `title`, as cells without marks for code. */
export function tableRows(text: string, title: string): string[][] {
  return text
    .split(`\n| ${title} |`)
    .slice(1)
    .flatMap((table) => table.split('\n\n')[0]?.trimEnd().split('\n').slice(2) ?? [])
    .map((row) =>
      row
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim()),
    );
}
