// There is one version, in the SDK's package.json; the code and the other packages use it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { version } from '@offthread/sdk';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);

function versionOf(name: string): unknown {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;
}

test('the SDK sends the version of its package', () => {
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
  expect(version).toBe(versionOf('@offthread/sdk'));
});

test('no source repeats the version', () => {
  const source = readFileSync(new URL('../../packages/sdk/src/version.ts', import.meta.url), 'utf8');
  expect(source).not.toMatch(/\d+\.\d+\.\d+/);
});

test('the packages are released together, under one version', () => {
  for (const name of ['@offthread/worker', '@offthread/devtools']) expect(versionOf(name)).toBe(version);
});
