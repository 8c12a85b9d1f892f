// docs/fleet.md and examples/fleet name the options, variables and metrics that exist.
import { expect, test } from 'vitest';
import { filesIn, read } from '../helpers/markdown.js';
import { relayCommand } from '../helpers/relay.js';

/** The options of the relay, and their variables, as its help lists them. */
async function listed(): Promise<{ flags: string[]; variables: string[] }> {
  const { stdout } = await relayCommand(['--help']);
  return {
    flags: [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, flag = '']) => flag),
    variables: [...stdout.matchAll(/OFFTHREAD_RELAY_\w+/g)].map(([name]) => name),
  };
}

test('docs/fleet.md has every option and its variable', async () => {
  const { flags, variables } = await listed();
  const page = read('docs/fleet.md');
  const table = page.split('\n').filter((line) => line.startsWith('| `--'));
  const documented = table.flatMap((line) => [...line.matchAll(/--[\w-]+/g)].map(([flag]) => flag));
  expect(flags.length).toBeGreaterThan(15);
  expect(flags.filter((flag) => !documented.includes(flag))).toEqual([]);
  expect(variables.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
});

test('every variable in docs/fleet.md and examples/fleet exists', async () => {
  const { variables } = await listed();
  const files = ['docs/fleet.md', ...filesIn('examples/fleet', '.yaml'), ...filesIn('examples/fleet', '.md')];
  expect(files.length).toBeGreaterThanOrEqual(4);
  const named = files.flatMap((file) =>
    [...read(file).matchAll(/OFFTHREAD_RELAY_\w+/g)].map(([name]) => name),
  );
  expect(named.length).toBeGreaterThan(20);
  expect([...new Set(named)].filter((name) => !variables.includes(name))).toEqual([]);
});
