// A client that nobody closes and nobody refers to any more is flushed and then let go, on the main thread and in the worker.
import { expect, test } from 'vitest';
import { runProgram } from '../helpers/program.js';
import { withApi } from '../helpers/with-api.js';

const bench = withApi();

/** Later versions let the heap of the worker thread grow further before they collect. All of the clients are collected. */
const MOST_MB = process.versions.node.startsWith('20.') ? 20 : 150;

test.for(['flushAsync', 'leave'])(
  '7,500 clients that are never closed (%s) deliver, and cost nothing afterwards',
  {
    timeout: 120_000,
  },
  async (how) => {
    const { code, stderr, lines } = await runProgram('unclosed-clients.mjs', {
      args: [bench.api.url, '7500', how],
      flags: ['--expose-gc'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await bench.api.counts()).events).toBe(10_000);
    expect(lines).toMatchObject([{ alive: 0, listeners: 0 }]);
    expect(lines[0]?.['grownMb']).toBeLessThan(MOST_MB);
  },
);
