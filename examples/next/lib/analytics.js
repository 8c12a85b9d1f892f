// The client of the process, and how requests are read.
import { nextAnalytics } from '@offthread/sdk/next';
import { after } from 'next/server';

const { WRITE_KEY } = process.env;
// Without a write key to `npm run listen`, on this machine.
const { ANALYTICS_HOST = WRITE_KEY ? undefined : 'http://127.0.0.1:4319' } = process.env;

export const analytics = nextAnalytics({
  writeKey: WRITE_KEY ?? 'local',
  host: ANALYTICS_HOST,
  identify: ({ headers }) => {
    const visitor = /(?:^|; )visitor=([\w-]{1,100})(?:;|$)/.exec(headers.get('cookie') ?? '')?.[1];
    return { anonymousId: visitor ?? 'unknown' };
  },
  onError: ({ code, message }) => console.error(code, message),
  // Routes deliver their events after the response, before a serverless platform freezes the process.
  after,
});
