// Which Markdown files are pages, where they are in the site, and in which order. The sidebar is the list in
// docs/README.md, so that readers find the same order on GitHub.
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function read(file) {
  return readFileSync(`${root}${file}`, 'utf8');
}

/** Address of the repository. */
export const home = JSON.parse(read('packages/sdk/package.json')).repository.url.replace(
  /^git\+|\.git$/g,
  '',
);

/** Files that are pages, and their names in the site. The first match counts. */
const PLACES = [
  [/^README\.md$/, 'index.md'],
  [/^docs\/README\.md$/, 'contents.md'],
  [/^docs\/(.+\.md)$/, '$1'],
  [/^bench\/RESULTS\.md$/, 'benchmark.md'],
  [/^(packages|examples)\/([^/]+)\/README\.md$/, '$1/$2.md'],
  [/^(CONTRIBUTING|SECURITY)\.md$/, (file) => file.toLowerCase()],
  [/^site\/generated\/api\/(?:@offthread\/)?(.+\.md)$/, (_, name) => `api/${name.replaceAll('/', '-')}`],
];

/** VitePress takes all Markdown files except these. */
export const excluded = [
  '!(README|CONTRIBUTING|SECURITY).md',
  '!(docs|bench|packages|examples|site)/**/*.md',
  'bench/!(RESULTS).md',
  '{packages,examples}/*/!(README).md',
  '{packages,examples}/*/*/**/*.md',
];

/** Where a file is in the site, for example `reference/settings.md`; undefined if it is not a page. */
export function placeOf(file) {
  const [pattern, name] = PLACES.find(([each]) => each.test(file)) ?? [];
  return pattern && file.replace(pattern, name);
}

/** What a link in a file becomes: a page of the site, a file in the repository, or what it was. */
export function targetOf(file, link) {
  const [address, anchor] = link.split('#');
  const path = pathOf(file, address);
  const hash = anchor === undefined || (address === home && anchor === 'readme') ? '' : `#${anchor}`;
  if (path === undefined) return link;
  const page = [path, posix.join(path, 'README.md')].find(
    (each) => existsSync(`${root}${each}`) && placeOf(each),
  );
  if (page !== undefined) return `${linkTo(page)}${hash}`;
  return `${home}/blob/main/${path}${hash}`;
}

function linkTo(page) {
  return `/${placeOf(page).replace(/(^|\/)index\.md$/, '$1')}`;
}

/** The path in the repository that a link points to; undefined for anchors and for other sites. */
function pathOf(file, address) {
  if (address === home) return 'README.md';
  const [, path] = address.startsWith(home)
    ? (/^\/(?:blob|tree)\/main\/(.+)$/.exec(address.slice(home.length)) ?? [])
    : [];
  if (path !== undefined) return path;
  if (address === '' || /^[a-z]+:|^\//.test(address)) return undefined;
  return posix.join(posix.dirname(file), address);
}

/** Entries that only other packages of this repository use. */
const INTERNAL = ['settings', 'connections', 'as-given', 'spool'].map((name) => `@offthread/sdk/${name}`);

/** The public entries of the packages, with the file that each begins with. */
export const entries = ['sdk', 'tracking-api', 'devtools'].flatMap((folder) => {
  const { name, exports } = JSON.parse(read(`packages/${folder}/package.json`));
  return Object.entries(exports)
    .filter(([, { types }]) => types !== undefined)
    .map(([path, { types }]) => ({
      name: posix.join(name, path),
      source: posix.join('packages', folder, types.replace('/dist/', '/src/').replace(/\.d\.ts$/, '.ts')),
    }))
    .filter((entry) => !INTERNAL.includes(entry.name));
});

/** The groups of docs/README.md, with the API in the reference. */
export function sidebar() {
  const groups = [];
  const lines = read('docs/README.md').matchAll(/^\*\*(.+)\*\*$|^- \[(.+?)\]\((.+?)\)/gm);
  for (const [, group, text, link] of lines) {
    if (group !== undefined) groups.push({ text: group, items: [] });
    else groups.at(-1).items.push({ text, link: targetOf('docs/README.md', link) });
  }
  const api = entries.map(({ name }) => ({
    text: name,
    link: linkTo(`site/generated/api/${name}.md`),
  }));
  groups
    .find(({ text }) => text === 'Reference')
    .items.push({ text: 'API', link: linkTo('site/generated/api/index.md'), collapsed: true, items: api });
  return groups;
}
