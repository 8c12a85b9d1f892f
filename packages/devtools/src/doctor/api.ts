// In: the address of the API and the write key. Out: checks by a few requests that carry no event. Next: sample.ts.
import http from 'node:http';
import https from 'node:https';
import type { Agents } from '@offthread/sdk/connections';
import { type Check, failed, messageOf, ok, skipped, warning } from './check.js';

/** Requests, one after the other. The first one has the handshakes in it. */
const REQUESTS = 5;

/** Milliseconds for each. */
const TIMEOUT_MS = 10_000;

/** Milliseconds from which on a reply is slow: a queue of ten thousand events then takes minutes. */
const SLOW_MS = 1_000;

/** Seconds by which a clock may be wrong before anybody sees it in the data. */
const SKEW_S = 30;

interface Reply {
  readonly status: number;
  readonly ms: number;
  /** By how many seconds this machine's clock is behind the server's. */
  readonly skew: number | undefined;
}

/** Sends a batch without events some times, and says what can be told from the replies. */
export async function checkApi(url: URL, writeKey: string | undefined, agents: Agents): Promise<Check[]> {
  const [client, agent] = url.protocol === 'https:' ? [https, agents.https] : [http, agents.http];
  const replies: Reply[] = [];
  try {
    for (let n = 0; n < REQUESTS; n += 1) replies.push(await probe(client, agent, url, writeKey));
  } catch (error) {
    const remedy = 'Check that --host is a Tracking API and not something else on that port.';
    return [
      failed('latency', messageOf(error), remedy),
      skipped('auth', 'no reply'),
      skipped('clock', 'no reply'),
    ];
  } finally {
    agent.destroy();
  }
  return [latencyOf(replies), authOf(replies, writeKey), clockOf(replies)];
}

function probe(
  { request }: typeof http | typeof https,
  agent: http.Agent,
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
      // The header has whole seconds: on average the server's clock is half a second further.
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
  const remedy =
    'Use the region next to this machine if the workspace lives there; larger requests (maxBatchSize) make up for it.';
  return warning('latency', detail, remedy, facts);
}

function authOf(replies: readonly Reply[], writeKey: string | undefined): Check {
  if (writeKey === undefined) return skipped('auth', 'no write key');
  const { status } = replies[0] ?? { status: 0 };
  if (status === 401 || status === 403) {
    return failed(
      'auth',
      `the API refuses the write key (${status})`,
      'Copy the write key of the source anew.',
    );
  }
  if (status === 404 || status === 405) {
    return failed('auth', `nothing takes events at this path (${status})`, 'Check --host and --path.');
  }
  if (status >= 300 && status < 400) {
    return failed(
      'auth',
      `the API redirects (${status})`,
      'Pass the final address as --host; a redirect is not followed.',
    );
  }
  if (status === 429) {
    return warning(
      'auth',
      'too many requests (429)',
      'Send less: the API takes 1,000 requests a second a workspace.',
    );
  }
  if (status >= 500) {
    return failed(
      'auth',
      `the API is in trouble (${status})`,
      'Try again later; the SDK keeps events and retries.',
    );
  }
  return ok('auth', `the write key is not refused (${status} to a batch without events)`, { status });
}

function clockOf(replies: readonly Reply[]): Check {
  const skew = replies.at(-1)?.skew;
  if (skew === undefined) return skipped('clock', 'the replies have no Date header');
  const seconds = Math.round(skew);
  const facts = { skewSeconds: seconds };
  if (Math.abs(seconds) <= SKEW_S) return ok('clock', "agrees with the server's", facts);
  const detail = `${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} the server's`;
  const remedy = 'Synchronize the clock (NTP): the API moves every timestamp by this difference.';
  return warning('clock', detail, remedy, facts);
}
