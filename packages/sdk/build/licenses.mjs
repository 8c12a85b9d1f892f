// Collects the licenses of the packages that are bundled into one of ours.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The licenses of all packages in these bundles of the package `name`, as one text. */
export function licensesOf(name, ...metafiles) {
  const packages = new Map();
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        if (bytesInOutput === 0 || !input.includes('node_modules')) continue;
        const { id, license, folder } = packageOf(input);
        packages.set(id, { license, folder });
      }
    }
  }
  const sections = [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { license, folder }]) => `${id} (${license})\n\n${textOf(folder)}\n`);
  return [`${name} includes code of these packages.\n`, ...sections].join(`\n${'-'.repeat(80)}\n\n`);
}

function packageOf(input) {
  let folder = dirname(resolve(input));
  // A package.json without a name only sets the module type of a folder.
  for (;;) {
    const file = join(folder, 'package.json');
    const { name, version, license } = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    if (name !== undefined && version !== undefined) return { id: `${name}@${version}`, license, folder };
    if (dirname(folder) === folder)
      throw new Error(`No package.json with a name and a version above ${input}`);
    folder = dirname(folder);
  }
}

function textOf(folder) {
  const name = readdirSync(folder).find((each) => /^licen[cs]e(\.(md|txt))?$/i.test(each));
  if (name === undefined)
    throw new Error(`${folder} has no license file; find the text of the license and handle it here`);
  return readFileSync(join(folder, name), 'utf8').trim();
}
