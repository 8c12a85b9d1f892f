// Reads the paths, links, anchors and tables of this repository's Markdown files.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Generated files, and files that aren't ours. */
const SKIPPED = ['.git', '.stryker-tmp', 'node_modules', 'dist', 'coverage', 'reports', 'api'];

/** All files below a folder whose names end with `ending`, relative to the root. */
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

/** The text without code blocks, in which `#` starts a comment. */
function prose(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```/gms, '');
}

/** The targets of a text's links and images. */
export function linksOf(text: string): string[] {
  const plain = prose(text).replaceAll(/`[^`\n]*`/g, '`');
  const links = plain.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)/gm);
  const attributes = plain.matchAll(/<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)="([^"]+)"/g);
  return [...links, ...attributes].map(([, inline, definition]) => inline ?? definition ?? '');
}

/** The anchors that GitHub creates for a text's headings. */
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

/** The rows of all tables whose first column is `title`, as cells without backticks. */
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
