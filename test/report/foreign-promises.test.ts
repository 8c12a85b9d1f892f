// Functions of the user may return any kind of promise: its rejection is handled and never ends the process.
import { describe, expect, test } from 'vitest';
import { type Line, runProgram } from '../helpers/program.js';

/** What the program reports for each function. */
async function outcomes(kind: string, where: string): Promise<Readonly<Record<string, Line>>> {
  const { code, lines, stderr } = await runProgram('foreign-promises.mjs', { args: [kind, where] });
  expect({ code, stderr, unseen: lines.filter((line) => 'unseen' in line) }).toEqual({
    ...{ code: 0, stderr: '', unseen: [] },
  });
  return Object.fromEntries(lines.map((line) => [String(line['name']), line]));
}

const FAILED = ['callback_failed', 'The callback of an event threw or rejected', 'nobody saw it'];

const SAME_EVERYWHERE = ['native', 'thenable', 'twice', 'nested', 'hostile'].flatMap((kind) =>
  ['this realm', 'another realm', 'replaced before', 'replaced after'].map((where) => [kind, where] as const),
);

describe('a promise that rejects', () => {
  test.each(SAME_EVERYWHERE)('(%s, of %s) is handled, and reported once', async (kind, where) => {
    const { callback, refused, onError, ...demanding } = await outcomes(kind, where);
    expect(callback).toEqual({ name: 'callback', errors: [FAILED] });
    expect(refused?.['errors']).toEqual([
      ['queue_full', 'The queue is full: maxQueueSize (1) is reached', null],
      FAILED,
    ]);
    expect(onError).toEqual({ name: 'onError', errors: [] });
    expect(demanding).toEqual({
      beforeSend: {
        name: 'beforeSend',
        errors: [
          [
            'before_send_failed',
            'beforeSend must return the event, or null to drop it, synchronously; it returned a Promise',
            null,
          ],
        ],
      },
      withContext: {
        ...{
          name: 'withContext',
          errors: [],
          thrown: 'withContext(): the function must return fields synchronously; got a Promise',
        },
      },
      identify: {
        name: 'identify',
        errors: [],
        thrown: 'identify must return ids synchronously; got a Promise',
      },
      context: {
        name: 'context',
        errors: [],
        thrown: 'context must return fields synchronously; got a Promise',
      },
    });
  });
});

test('a value that throws when it is checked for being a promise is handled too', async () => {
  const { callback, onError, beforeSend, withContext, identify, context } = await outcomes(
    'unreadable',
    'this realm',
  );
  expect(callback?.['errors']).toEqual([FAILED]);
  expect(onError?.['errors']).toEqual([]);
  expect(beforeSend?.['errors']).toEqual([['before_send_failed', 'beforeSend threw', 'nobody saw it']]);
  const unserializable = [['unserializable', 'The event cannot be written as JSON', 'nobody saw it']];
  for (const line of [withContext, identify, context]) {
    expect(line?.['errors']).toEqual(unserializable);
    expect(line).not.toHaveProperty('thrown');
  }
});
