// Writes what the site has and the repository does not, to generated/: a page about each entry of the packages, from
// its doc comments, and each chart in light and in dark.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Application, Converter } from 'typedoc';
import { entries, home, read, root } from './pages.js';

const out = fileURLToPath(new URL('generated/', import.meta.url));
rmSync(out, { recursive: true, force: true });

/** The charts follow the system's theme. In the site, a reader can choose another one. */
const DARK = '@media (prefers-color-scheme: dark)';
mkdirSync(`${out}charts`, { recursive: true });
for (const file of readdirSync(`${root}bench`).filter((name) => name.endsWith('.svg'))) {
  const svg = read(`bench/${file}`);
  if (!svg.includes(DARK)) throw new Error(`bench/${file} has no dark theme`);
  writeFileSync(`${out}charts/light-${file}`, svg.replace(DARK, '@media not all'));
  writeFileSync(`${out}charts/dark-${file}`, svg.replace(DARK, '@media all'));
}

const app = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown'],
  tsconfig: fileURLToPath(new URL('tsconfig.json', import.meta.url)),
  entryPoints: entries.map(({ source }) => `${root}${source}`),
  outputs: [{ name: 'markdown', path: `${out}api` }],
  name: 'API',
  readme: 'none',
  logLevel: 'Warn',
  // The build has checked the types.
  skipErrorChecking: true,
  excludeExternals: true,
  excludePrivate: true,
  disableGit: true,
  displayBasePath: root,
  sourceLinkTemplate: `${home}/blob/main/{path}#L{line}`,
  router: 'module',
  entryFileName: 'index',
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  // Tables are shorter, and their anchors cannot be those of another type.
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  typeDeclarationFormat: 'table',
  parametersFormat: 'table',
  tableColumnSettings: { hideSources: true, hideModifiers: true },
  sanitizeComments: true,
});
// By default a module has the name of its file.
app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, module) => {
  const entry = entries.find(({ source }) => module.sources?.[0]?.fullFileName.endsWith(source));
  if (entry && module.parent?.isProject()) module.name = entry.name;
});
const project = await app.convert();
if (project === undefined) throw new Error('TypeDoc could not read the packages');
await app.generateOutputs(project);
if (app.logger.hasErrors()) throw new Error('TypeDoc could not write the reference');
