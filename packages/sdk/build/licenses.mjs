// The licenses of the packages that are bundled into the SDK.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Who wrote the code in these bundles, and under which license, as one text. */
export function licensesOf(...metafiles) {
  const packages = new Map();
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        if (bytesInOutput === 0 || !input.includes('node_modules')) continue;
        const { name, version, license, folder } = packageOf(input);
        packages.set(`${name}@${version}`, { license, folder });
      }
    }
  }
  const sections = [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { license, folder }]) => `${name} (${license})\n\n${textOf(folder)}\n`);
  return ['@offthread/sdk includes code of these packages.\n', ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

function packageOf(input) {
  let folder = dirname(resolve(input));
  // A package.json without a name says only how the files below it are read.
  for (;;) {
    const file = join(folder, 'package.json');
    const { name, version, license } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    if (name !== undefined && version !== undefined) return { name, version, license, folder };
    if (dirname(folder) === folder) throw new Error(`${input} is of no package`);
    folder = dirname(folder);
  }
}

function textOf(folder) {
  const name = readdirSync(folder).find((each) => /^licen[cs]e(\.(md|txt))?$/i.test(each));
  if (name === undefined) throw new Error(`${folder} has no license; look for its text`);
  return readFileSync(join(folder, name), 'utf8').trim();
}
