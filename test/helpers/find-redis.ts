// Finds redis-server, which the tests of the relay start.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Path of redis-server: OFFTHREAD_REDIS_SERVER, or the first one on the PATH. */
export function findRedis(): string | undefined {
  const { OFFTHREAD_REDIS_SERVER: given, PATH = '' } = process.env;
  const places =
    given === undefined ? PATH.split(delimiter).map((each) => join(each, 'redis-server')) : [given];
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
