// A client with a spool that is never closed and no longer referenced is released, with its run and its files.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withFolder } from '../helpers/folder.js';
import { runProgram } from '../helpers/program.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();
let directory: string;
withFolder((path) => {
  directory = path;
});

const run = (strict: boolean, how: string) => {
  const settings = { writeKey: 'KEY', host: bench.api.url, spool: { directory, strict } };
  return runProgram('unclosed-spools.mjs', { args: [JSON.stringify(settings), how], flags: ['--expose-gc'] });
};

test.for([false, true])(
  'clients that are never closed leave no run and no open file behind, with strict: %s',
  async (strict) => {
    const { code, stderr, lines } = await run(strict, 'collect');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines).toEqual([{ runs: true, alive: false, left: [], openFiles: 0 }]);
    expect((await bench.api.counts()).events).toBe(5);
  },
);

test.for([false, true])(
  'neither do those that were collected just before the process ends, with strict: %s',
  async (strict) => {
    const { code, stderr, lines } = await run(strict, 'exit');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines).toEqual([{ runs: true }]);
    expect(readdirSync(directory)).toEqual([]);
    expect((await bench.api.counts()).events).toBe(5);
  },
);
