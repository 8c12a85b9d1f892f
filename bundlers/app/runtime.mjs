// In: address of a Tracking API, what to do, and a folder for a spool. Out: a program that tracks events, whose messageIds
// begin with what it does, and ends in that way.
import { Analytics } from '@offthread/sdk';
import { Analytics as Compat } from '@offthread/sdk/compat';

const [host, how, directory] = process.argv.slice(-3);
const tell = (what) => console.log(JSON.stringify(what));
const onError = ({ code, message }) => tell({ error: code, message });

/** A client that has tracked this many events. */
function busy(count, more = {}) {
  const analytics = new Analytics({ writeKey: 'KEY', host, onError, flushTimeout: 20_000, ...more });
  for (let n = 0; n < count; n++) analytics.track({ userId: 'u', event: how, messageId: `${how}-${n}` });
  return analytics;
}

/** What docs/bundlers.md advises for Deno. */
function flushOnErrors(analytics) {
  globalThis.addEventListener?.('error', () => analytics.flush());
  globalThis.addEventListener?.('unhandledrejection', () => analytics.flush());
}

const programs = {
  // Blocks until all events are delivered, with the start of the worker thread.
  flush: () => tell(busy(1_000).flush()),
  close: async () => tell(await busy(100).close()),
  exit() {
    busy(100);
    process.exit(7);
  },
  end: () => void busy(100),
  throw() {
    busy(100);
    setTimeout(() => {
      throw new Error('of the program');
    });
  },
  reject() {
    busy(100);
    void Promise.reject(new Error('of the program'));
  },
  'throw-advised'() {
    flushOnErrors(busy(100));
    setTimeout(() => {
      throw new Error('of the program');
    });
  },
  'reject-advised'() {
    flushOnErrors(busy(100));
    void Promise.reject(new Error('of the program'));
  },
  signal() {
    busy(100, { flushOnSignals: ['SIGTERM'] });
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => {}, 60_000);
  },
  store() {
    busy(100, { spool: { directory, strict: true } });
    process.kill(process.pid, 'SIGKILL');
  },
  // Sends what `store` has left.
  async recover() {
    const analytics = busy(1, { spool: directory });
    for (let tries = 0; tries < 400 && analytics.stats().spool.recovered < 100; tries++)
      await new Promise((resolve) => setTimeout(resolve, 25));
    tell(await analytics.close());
  },
  async compat() {
    const analytics = new Compat({ writeKey: 'KEY', host });
    for (let n = 0; n < 100; n++) analytics.track({ userId: 'u', event: how, messageId: `${how}-${n}` });
    await analytics.closeAndFlush();
  },
  async scope() {
    const analytics = busy(0);
    await analytics.withContext({ userId: 'u' }, async (scoped) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      scoped.track({ event: how, messageId: `${how}-0` });
    });
    tell(await analytics.close());
  },
};
await programs[how]();
