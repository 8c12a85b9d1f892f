// Checks the API with a few requests without events: latency, authentication, clock.
import http from 'node:http';
import https from 'node:https';
import type { Agents } from '@offthread/sdk/connections';
import { type Check, failed, messageOf, ok, skipped, warning } from './check.js';

/** Number of requests, one after the other. The first includes the handshakes. */
const REQUESTS = 5;

/** Milliseconds for each request. */
const TIMEOUT_MS = 10_000;

/** A reply that takes this many milliseconds is slow: ten thousand queued events then take minutes. */
const SLOW_MS = 1_000;

/** A smaller clock difference isn't visible in any report. */
const SKEW_S = 30;

interface Reply {
  readonly status: number;
  readonly ms: number;
  /** Seconds by which this machine's clock is behind the server's. */
  readonly skew: number | undefined;
}

/** Sends a batch without events a few times and evaluates the replies. */
export async function checkApi(url: URL, writeKey: string | undefined, agents: Agents): Promise<Check[]> {
  const [client, agent] = url.protocol === 'https:' ? [https, agents.https] : [http, agents.http];
  const replies: Reply[] = [];
  try {
    for (let n = 0; n < REQUESTS; n += 1) replies.push(await probe(client, agent, url, writeKey));
  } catch (error) {
    const remedy = 'Check that a Tracking API listens at --host, and not something else.';
    return [
      failed('latency', messageOf(error), remedy),
      skipped('auth', 'no reply'),
      skipped('clock', 'no reply'),
    ];
  } finally {
    agent?.destroy();
  }
  return [latencyOf(replies), authOf(replies, writeKey), clockOf(replies)];
}

function probe(
  { request }: typeof http | typeof https,
  agent: http.Agent | undefined,
  url: URL,
  writeKey: string | undefined,
): Promise<Reply> {
  const body = JSON.stringify({ batch: [], sentAt: new Date().toISOString() });
  const secret = writeKey && Buffer.from(`${writeKey}:`).toString('base64');
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    'user-agent': 'offthread-doctor',
    ...(secret && { authorization: `Basic ${secret}` }),
  };
  const start = performance.now();
  const sentAt = Date.now();
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = request(url, { method: 'POST', agent, headers, signal }, (reply) => {
      const ms = performance.now() - start;
      const date = Date.parse(reply.headers.date ?? '');
      // The header is in whole seconds: on average the server's clock is half a second ahead of it.
      const skew = Number.isNaN(date) ? undefined : (date + 500 - (sentAt + ms / 2)) / 1_000;
      reply.once('end', () => resolve({ status: reply.statusCode ?? 0, ms, skew }));
      reply.once('error', reject);
      reply.resume();
    });
    sent.once('error', (error) => {
      reject(signal.aborted ? new Error(`no reply within ${TIMEOUT_MS} ms`) : error);
    });
    sent.end(body);
  });
}

function latencyOf(replies: readonly Reply[]): Check {
  const [first = 0, ...rest] = replies.map(({ ms }) => Math.round(ms));
  const median = rest.sort((a, b) => a - b)[Math.floor(rest.length / 2)] ?? first;
  const detail = `first request ${first} ms, then ${median} ms each`;
  const facts = { firstMs: first, medianMs: median };
  if (median < SLOW_MS) return ok('latency', detail, facts);
  const remedy = 'Use the nearer region if the workspace is there. Larger requests (maxBatchSize) help too.';
  return warning('latency', detail, remedy, facts);
}

function authOf(replies: readonly Reply[], writeKey: string | undefined): Check {
  if (writeKey === undefined) return skipped('auth', 'no write key');
  const { status } = replies[0] ?? { status: 0 };
  if (status === 401 || status === 403) {
    return failed(
      'auth',
      `the API refuses the write key (${status})`,
      'Copy the write key of the source again.',
    );
  }
  if (status === 404 || status === 405) {
    return failed('auth', `this path takes no events (${status})`, 'Check --host and --path.');
  }
  if (status >= 300 && status < 400) {
    return failed(
      'auth',
      `the API redirects (${status})`,
      'Pass the final address as --host. Redirects are not followed.',
    );
  }
  if (status === 429) {
    return warning(
      'auth',
      'too many requests (429)',
      'Send fewer requests: the limit is 1,000 a second for a workspace.',
    );
  }
  if (status >= 500) {
    return failed(
      'auth',
      `the API has an outage (${status})`,
      'Try again later. The SDK keeps events and retries.',
    );
  }
  return ok('auth', `the API does not reject the write key (${status} to a batch without events)`, {
    status,
  });
}

function clockOf(replies: readonly Reply[]): Check {
  const skew = replies.at(-1)?.skew;
  if (skew === undefined) return skipped('clock', 'the replies have no Date header');
  const seconds = Math.round(skew);
  const facts = { skewSeconds: seconds };
  if (Math.abs(seconds) <= SKEW_S) return ok('clock', "agrees with the server's", facts);
  const detail = `${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} the server's`;
  const remedy = 'Synchronize the clock (NTP): the API shifts every timestamp by this difference.';
  return warning('clock', detail, remedy, facts);
}
