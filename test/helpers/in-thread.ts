// For `npm run mutate`, which runs tests in threads: a thread can't set the time zone of its process.
import { beforeEach } from 'vitest';

beforeEach(({ task, skip }) => {
  if (task.name === 'as a date without a zone is GMT on a machine that is not') skip();
});
