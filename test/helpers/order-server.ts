// Starts a server in a child process that tracks an event for every order, places orders, and waits for its end.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';
import autocannon from 'autocannon';

export interface OrderServer {
  url: string;
  child: ChildProcess;
  /** Exit code and signal. */
  end: Promise<[number | null, NodeJS.Signals | null]>;
  /** What it reports before it ends, if anything. */
  report: { stats?: { accepted: number; delivered: number; pending: number } };
}

export interface Answer {
  status: number | undefined;
  /** Information about its connection. */
  connection: string | undefined;
  orderId: string;
}

/** Starts the server and waits until it listens. The caller must kill `child`. */
export async function serve(file: URL, env: Record<string, string | undefined>): Promise<OrderServer> {
  const child = fork(file, { env: { ...process.env, ...env }, execArgv: [] });
  const end = once(child, 'exit', { signal: AbortSignal.timeout(50_000) }) as OrderServer['end'];
  const report: OrderServer['report'] = {};
  child.on('message', (message: object) => Object.assign(report, message));
  try {
    const [{ url }] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
    return { url, child, end, report };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/**
 * Places orders on 20 connections until the server ends, with SIGTERM after `most` of them. Returns the ids of the
 * confirmed orders.
 */
export async function loadUntilSigterm({ url, child, end }: OrderServer, most: number): Promise<Set<string>> {
  const orders = new Set<string>();
  const options: autocannon.Options = {
    url,
    connections: 20,
    duration: 60,
    requests: [
      {
        method: 'POST',
        path: '/orders',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ userId: 'user-1' }),
        onResponse(status, body) {
          if (status === 201) orders.add(JSON.parse(body).orderId);
          if (orders.size === most) child.kill('SIGTERM');
        },
      },
    ],
  };
  const load = autocannon(options, () => {});
  try {
    await end;
  } finally {
    load.stop();
  }
  return orders;
}

/**
 * Places an order on a keep-alive connection. It is in flight once the server has agreed to receive the body, which is
 * sent when the answer is asked for.
 */
export function placeOrder(
  url: string,
  agent: Agent,
  more: Readonly<Record<string, string>> = {},
): { inFlight: Promise<unknown>; answer: () => Promise<Answer> } {
  const headers = { 'content-type': 'application/json', expect: '100-continue', ...more };
  const signal = AbortSignal.timeout(20_000);
  const sent = request(`${url}/orders`, { method: 'POST', agent, headers, signal });
  sent.flushHeaders();
  const inFlight = once(sent, 'continue', { signal });
  const answer = async (): Promise<Answer> => {
    sent.end(JSON.stringify({ userId: 'user-1' }));
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += piece;
    const { statusCode: status, headers } = response;
    return { status, connection: headers.connection, orderId: JSON.parse(text).orderId };
  };
  return { inFlight, answer };
}
