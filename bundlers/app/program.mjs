// In: address of a Tracking API, id of an event, `stay` or `leave`. Out: a program that tracks, and closes its client or
// leaves in the same tick.
import { Analytics } from '@offthread/sdk';

const [host, messageId, how] = process.argv.slice(-3);
const print = (what) => console.log(JSON.stringify(what));
const onError = ({ code, message }) => print({ error: code, message });

const analytics = new Analytics({ writeKey: 'KEY', host, onError, flushTimeout: 20_000 });
analytics.track({ userId: 'u', event: 'Bundled', messageId });
if (how === 'leave') process.exit(7);
else analytics.close(20_000).then(({ status }) => print({ closed: status }));
