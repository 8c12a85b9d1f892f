// The shell completes commands, options and their values, and offers files where one is meant.
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { offthread } from '../helpers/cli.js';

const run = promisify(execFile);
const BIN = fileURLToPath(
  new URL('bin/offthread.js', import.meta.resolve('@offthread/devtools/package.json')),
);

/** Returns the candidates, as the scripts request them. */
async function suggestions(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await offthread(['complete', '--', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t', 1)[0] ?? '']));
}

describe('the candidates', () => {
  test.each([
    [[''], ['listen', 'send', 'import', 'spool', 'doctor', 'completion', 'help']],
    [['im'], ['import']],
    [['send', 'gr'], ['group']],
    [['send', 'track', '--ev'], ['--event']],
    [['import', 'file', '--dry'], ['--dry-run']],
    [['import', '--rate', '5', '--dry'], ['--dry-run']],
    [
      ['import', '--format', ''],
      ['ndjson', 'json', 'csv'],
    ],
    [['import', '-f', 'c'], ['csv']],
    [['import', '--format=c'], ['--format=csv']],
    // As bash splits it.
    [['import', '--format', '=', 'c'], ['csv']],
    [['doctor', '--region', 'e'], ['eu']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    // The shell completes files.
    [['import', ''], []],
    [['import', 'file', '--state', ''], []],
    [['nosuch', 'x', ''], []],
  ])('for %o are %o', async (words, expected) => {
    expect(await suggestions(...words)).toEqual(expected);
  });

  test('include every option of a command, with its description', async () => {
    const { stdout } = await offthread(['complete', '--', 'listen', '--']);
    expect(stdout).toContain('--port\tport to listen on; 0 for any\n');
    expect(stdout).not.toContain('OFFTHREAD');
  });
});

describe('the scripts', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'offthread-completion-'));
    writeFileSync(join(folder, 'offthread'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    chmodSync(join(folder, 'offthread'), 0o755);
    writeFileSync(join(folder, 'history.ndjson'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function inShell(shell: string, args: string[]): Promise<string[]> {
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, HOME: folder, TERM: 'dumb' };
    const { stdout } = await run(shell, args, { cwd: folder, env, timeout: 30_000 });
    return stdout.split('\n').flatMap((line) => line.split('\t', 1)[0] || []);
  }

  /** Completes a line in a shell, and gives what it offers. */
  const SHELLS: Record<string, (words: string[]) => Promise<string[]>> = {
    bash: (words) =>
      inShell('bash', [
        '--norc',
        '-c',
        `source <(offthread completion bash)
         COMP_WORDS=(offthread "$@"); COMP_CWORD=$#
         "$(complete -p offthread | sed 's/.*-F \\([^ ]*\\).*/\\1/')" offthread
         if [ "\${#COMPREPLY[@]}" -gt 0 ]; then printf '%s\\n' "\${COMPREPLY[@]}"; else compgen -f -- "\${!#}"; fi`,
        'bash',
        ...words,
      ]),
    fish: (words) =>
      inShell('fish', [
        '--no-config',
        '-c',
        `offthread completion fish | source; complete -C '${['offthread', ...words].join(' ')}'`,
      ]),
    // Without its line editor: what is there of the completion system stands in for it.
    zsh: (words) =>
      inShell('zsh', [
        '--no-rcs',
        '-c',
        `compdef() { }; _files() { print -rl -- "\${words[CURRENT]}"*(N) }; _describe() { print -rl -- "\${(@P)2}" | cut -d : -f 1 }
         source <(offthread completion zsh)
         words=(offthread "$@"); CURRENT=$#words; _offthread`,
        'zsh',
        ...words,
      ]),
  };
  const installed = Object.entries(SHELLS).filter(([shell]) => spawnSync(shell, ['-c', 'true']).status === 0);

  test.each(installed)('%s', async (_, complete) => {
    expect(await complete(['imp'])).toContain('import');
    expect(await complete(['import', '--dry'])).toContain('--dry-run');
    expect(await complete(['import', 'hist'])).toContain('history.ndjson');
  });
});
