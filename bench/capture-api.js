// A server for posthog-node that counts the events of POST /batch/ and replies after a delay. endpoints.js starts it as
// a child process and sends it messages.
import { createServer } from 'node:http';

const LATENCY_MS = Number(process.argv[2]);

/** Occurs once in each event. */
const EACH = Buffer.from('"distinct_id":');

let events = 0;
let hanging = false;

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  if (hanging) return;
  const body = Buffer.concat(pieces);
  for (let at = body.indexOf(EACH); at !== -1; at = body.indexOf(EACH, at + 1)) events++;
  setTimeout(() => {
    response.setHeader('content-type', 'application/json');
    response.end('{"status":1}');
  }, LATENCY_MS);
});
server.keepAliveTimeout = 72_000;

process.on('message', (message) => {
  if (message === 'reset') {
    events = 0;
    hanging = false;
    server.closeAllConnections();
  }
  if (message === 'hang') hanging = true;
  process.send({ events });
});
process.once('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
