// A program of fleet.js that sends events with @segment/analytics-node. Reports the ids of those that were answered.
import { setTimeout as sleep } from 'node:timers/promises';
import { Analytics } from '@segment/analytics-node';

const analytics = new Analytics({
  writeKey: process.env.WRITE_KEY,
  host: process.env.ANALYTICS_HOST,
  flushAt: 20,
  flushInterval: 200,
});
const answered = [];
let isEnding = false;
process.once('SIGTERM', () => {
  isEnding = true;
});
process.send({ type: 'started' });

for (let number = 1; !isEnding; number++) {
  analytics.track(
    { userId: `user-${number % 10}`, event: 'Thing Done', properties: { number } },
    (error, context) => {
      if (!error) answered.push(context.event.messageId);
    },
  );
  await sleep(5);
}
await analytics.closeAndFlush({ timeout: 20_000 });
await new Promise((sent) => process.send({ type: 'report', answered }, sent));
process.disconnect();
