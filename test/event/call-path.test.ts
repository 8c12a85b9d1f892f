// What a track() call runs on the main thread, for readers who follow it through the sources.
import { basename } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runFixture } from '../helpers/fixture.js';
import { read } from '../helpers/markdown.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

describe('a track() call of a client that has sent events', () => {
  /** The files of the SDK that have a function that the call runs. */
  let files: readonly string[] = [];
  let functions = '';

  beforeAll(async () => {
    await bench.api.behave({ type: 'ok', delayMs: 1_000 });
    const { code, stdout, stderr } = await runFixture('files-of-a-call.mjs', [bench.api.url]);
    expect(`${code}${stderr}`).toBe('0');
    functions = stdout;
    const paths = Object.keys(JSON.parse(stdout));
    files = paths.flatMap((path) => (path.startsWith('../src/') ? [path.slice('../src/'.length)] : []));
  });

  test('runs code of at most ten files', () => {
    expect(files).toContain('analytics.ts');
    expect(files).toContain('pending/slab.ts');
    expect(files.length, functions).toBeLessThanOrEqual(10);
  });

  test('runs nothing that belongs to outcomes, flushes or the start of a thread', () => {
    expect(files.filter((file) => /^(client|outcome-reporter|report\/.*)\.ts$/.test(file))).toEqual([]);
    expect(files.filter((file) => file.startsWith('thread/'))).toEqual(['thread/worker-transport.ts']);
  });

  test('runs only files that docs/reference/event-path.md lists', () => {
    const page = read('docs/reference/event-path.md');
    expect(files.filter((file) => !page.includes(`[\`${basename(file)}\`](`))).toEqual([]);
  });
});
