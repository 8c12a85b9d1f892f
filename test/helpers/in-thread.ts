// For `npm run mutate`, which runs tests in threads, against the sources.
import fc from 'fast-check';
import { beforeEach } from 'vitest';

// Searching for a smaller counterexample takes longer than the test, and only its failure counts.
fc.configureGlobal({ endOnFailure: true });

const SKIPPED = new Set([
  // A thread can't set the time zone of its process.
  'as a date without a zone is GMT on a machine that is not',
  // It runs a program on the build, which isn't changed.
  'an extended Object.prototype changes nothing',
]);

beforeEach(({ task, skip }) => {
  if (SKIPPED.has(task.name)) skip();
});
