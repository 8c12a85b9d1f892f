// The behaviours of @segment/analytics-node, counted: each is shown by a test or listed as a difference in the
// migration guide.
import { expect, test } from 'vitest';
import { filesIn, read, tableRows } from '../helpers/markdown.js';
import { DIFFERENT, HELD } from './behaviours.js';

const GUIDE = 'docs/migrating-from-analytics-node.md';
const held = Object.values(HELD).flat();
const different = Object.values(DIFFERENT).flat();

test('each behaviour that the drop-in has is shown by a test', () => {
  const files = [...filesIn('test/compat', '.test.ts'), 'test/delivery/retry.test.ts'];
  const tests = files.map(read).join('\n');
  expect(Object.keys(HELD).filter((title) => !tests.includes(`'${title}',`))).toEqual([]);
});

test('each behaviour that it does not have is in the migration guide', () => {
  const rows = tableRows(read(GUIDE), 'Behaviour there').map(([behaviour = '']) => behaviour);
  const missing = Object.keys(DIFFERENT).filter((start) => !rows.some((row) => row.startsWith(start)));
  expect(missing).toEqual([]);
});

test('the numbers in the migration guide are right', () => {
  const all = [...held, ...different];
  expect(new Set(all).size).toBe(all.length);
  process.stdout.write(`${held.length} of ${all.length} behaviours of analytics-node hold\n`);
  expect(held.length).toBeGreaterThanOrEqual(108);
  expect(read(GUIDE).replaceAll('\n', ' ')).toContain(
    `Of the other ${all.length}, ${held.length} hold in these tests.`,
  );
});
