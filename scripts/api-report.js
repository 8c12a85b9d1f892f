// Writes a report of each entry's public types, from the declarations in packages/*/dist to packages/*/api/. Without
// --update it writes nothing and exits with 1 if a report is out of date.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = fileURLToPath(new URL('..', import.meta.url));
const update = process.argv.includes('--update');
/** Only the SDK uses the worker's package, and both have the same version. */
const PACKAGES = ['sdk', 'tracking-api', 'devtools'];

const silent = { default: { logLevel: 'none' } };
const scratch = mkdtempSync(join(tmpdir(), 'offthread-api-'));
try {
  const changed = PACKAGES.flatMap(reportsOf).filter(({ file, text }) => !isCurrent(file, text));
  for (const { file, text, entry } of changed) {
    if (update) writeFileSync(file, text);
    else
      console.error(`The public types of ${entry} have changed. If they should, run \`npm run api:update\`.`);
  }
  if (!update && changed.length > 0) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true });
}

/** The report of each entry in the `exports` of a package. */
function reportsOf(name) {
  const folder = join(root, 'packages', name);
  const manifest = join(folder, 'package.json');
  const { name: packageName, exports } = JSON.parse(readFileSync(manifest, 'utf8'));
  const entries = Object.entries(exports).filter(([, { types }]) => types !== undefined);
  const configs = entries.map(([path, { types }]) => configOf(folder, manifest, path, types));
  const additionalEntryPoints = configs.map((config) => config.mainEntryPointFilePath);
  const compilerState = CompilerState.create(configs[0], { additionalEntryPoints });
  mkdirSync(join(folder, 'api'), { recursive: true });
  return configs.map((config, index) => {
    Extractor.invoke(config, { compilerState, localBuild: true, messageCallback: quiet });
    const file = `${fileOf(entries[index][0])}.api.md`;
    return {
      entry: join(packageName, entries[index][0]).replaceAll('\\', '/'),
      file: join(folder, 'api', file),
      text: readFileSync(join(scratch, file), 'utf8').replaceAll('\r\n', '\n'),
    };
  });
}

function configOf(folder, packageJsonFullPath, path, types) {
  const compilerOptions = {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  };
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, types),
      bundledPackages: ['@offthread/worker'],
      compiler: { overrideTsconfig: { compilerOptions, files: [types] } },
      apiReport: {
        enabled: true,
        reportFolder: scratch,
        reportTempFolder: join(scratch, 'temp'),
        reportFileName: fileOf(path),
        // Types that a public type refers to are public too.
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: silent,
        tsdocMessageReporting: silent,
      },
    },
  });
}

/** `.` becomes index, `./testing/vitest` becomes testing-vitest. */
function fileOf(path) {
  return path === '.' ? 'index' : path.slice(2).replaceAll('/', '-');
}

function isCurrent(file, text) {
  const [folder, name] = [join(file, '..'), file.split(/[\\/]/).at(-1)];
  return readdirSync(folder).includes(name) && readFileSync(file, 'utf8') === text;
}

/** Silences everything except errors: api-extractor would print a greeting, and a warning for each new report. */
function quiet(message) {
  if (message.logLevel !== 'error') message.handled = true;
}
