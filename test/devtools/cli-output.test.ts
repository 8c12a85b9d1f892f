// What the commands say: one prefix for errors, options and not settings, numbers that agree, and completion by the shell.
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { offthread, startOffthread } from '../helpers/cli.js';
import { line, withImportFolder } from '../helpers/import-folder.js';
import { post } from '../helpers/raw-client.js';

const folder = withImportFolder();

describe('errors', () => {
  test.each([
    ['an unknown option', ['send', 'identify', '-u', '1', '--bogus'], 2, 'offthread send identify --help'],
    ['an unknown command', ['nosuch'], 2, 'offthread --help'],
    ['an option that takes a number', ['import', 'x', '--rate', '0'], 2, 'offthread import --help'],
    ['an argument that is missing', ['spool', 'ls'], 2, 'offthread spool ls --help'],
    ['an option that is missing', ['send', 'track', '-u', '1'], 2, 'offthread send track --help'],
    ['a file that does not exist', ['import', 'nosuch'], 2, undefined],
    [
      'a wrong setting',
      ['doctor', '--host', 'http://127.0.0.1:1', '--region', 'eu'],
      2,
      'offthread doctor --help',
    ],
    ['nobody who listens', ['send', 'identify', '-u', '1', '--host', 'http://127.0.0.1:1'], 1, undefined],
  ])('start with the name of the program: %s', async (_, args, code, help) => {
    const end = await offthread(args);
    expect(end.code).toBe(code);
    const lines = end.stderr.trimEnd().split('\n');
    if (help !== undefined) expect(lines.pop()).toBe(`See \`${help}\`.`);
    expect(lines.filter((each) => !each.startsWith('offthread: '))).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
    expect(end.stderr).not.toContain('error:');
  });

  test('of an import do so as well, but its progress line does not', async () => {
    folder.write('events', ['no json', line(1)]);
    await folder.api.script([{ type: 'answer', status: 503 }]);
    const { stderr } = await folder.run('events', ['--progress', '1']);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^offthread: line 1: not valid JSON/));
    expect(lines).toContainEqual(expect.stringMatching(/^offthread: .*503/));
    expect(lines.filter((each) => !/^(offthread: |\d+% )/.test(each))).toEqual([]);
  });

  test.each([
    [['identify', '-u', '1', '--host', 'http://example.com'], /--host .*--allow-insecure-host/],
    [['identify', '-u', '1', '--path', 'x y'], /--path /],
    [['track', '-e', 'x'], /--user-id .*--anonymous-id/],
    [['track', '-u', '', '-e', 'x'], /--user-id /],
    [['track', '-u', '1', '-e', ''], /--event /],
    [['alias', '-u', '1', '--previous-id', ''], /--previous-id /],
    [['group', '-u', '1', '-g', ''], /--group-id /],
    [['page', '-u', '1', '--category', 'c'], /--name .*--category/],
    [['track', '-u', '1', '-e', 'x', '--timestamp', 'soon'], /--timestamp /],
    [['track', '-u', '1', '-e', 'x', '--message-id', 'x'.repeat(101)], /--message-id /],
  ])('name options, not settings or fields: %o', async (args, expected) => {
    const { code, stderr } = await offthread(['send', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
    expect(stderr).not.toMatch(
      /Setting|\(\)|userId|anonymousId|previousId|groupId|messageId|allowInsecureHost/,
    );
  });
});

describe('singular and plural are correct', () => {
  const WRONG =
    /\b1 (?:lines|elements|rows|events|requests|bytes|warnings)\b|\b1 (?:of them )?(?:count|were)\b/;

  test('in an import of one line', async () => {
    const once = line(1, { timestamp: undefined });
    folder.write('events', [once]);
    const { stdout, stderr } = await folder.run('events', ['--progress', '1']);
    expect(stdout).toContain('Imported 1 line in');
    expect(stdout).toContain('Without a timestamp: 1, sent with');
    expect(stdout + stderr).not.toMatch(WRONG);
    folder.write('events', [once, once, line(2), line(3, { timestamp: 1_556_712_000 })]);
    const more = await folder.run('events');
    expect(more.stdout).toContain('Imported 4 lines in');
    expect(more.stdout).not.toMatch(WRONG);
  });

  test('in the summary of listen for one request with one event', async () => {
    const { child, end } = startOffthread(['listen', '--port', '0', '--no-page']);
    const [first] = (await once(child.stdout ?? child, 'data')) as [string];
    const url = /http:\S+/.exec(first)?.[0] ?? '';
    const reply = await post(url, { batch: [{ type: 'identify', userId: '1' }] });
    expect(reply.status).toBe(200);
    child.kill('SIGINT');
    const { stdout } = await end;
    expect(stdout).toContain('1 request (0 refused), 1 event received');
    expect(stdout).toMatch(/ {2}1 event {2}/);
    expect(stdout).not.toMatch(WRONG);
  });
});
