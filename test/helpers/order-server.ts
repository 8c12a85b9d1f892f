// A server that tracks an event for every order, in a process of its own. In: its file. Out: orders placed, and its end.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Agent, type IncomingMessage, request } from 'node:http';
import autocannon from 'autocannon';

export interface OrderServer {
  url: string;
  child: ChildProcess;
  /** Exit code and signal. */
  end: Promise<[number | null, NodeJS.Signals | null]>;
  /** What it says before it ends, where it says anything. */
  report: { stats?: { accepted: number; delivered: number; pending: number } };
}

export interface Answer {
  status: number | undefined;
  /** What it says of its connection. */
  connection: string | undefined;
  orderId: string;
}

/** Starts the server and waits until it listens. The caller kills `child` in the end, whatever happened. */
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

/** Orders on 20 connections until the server has ended; SIGTERM after `most` of them. The ids of those answered. */
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

/** An order on a connection that is kept. It is in flight once the server has said that it will take the body. */
export function placeOrder(
  url: string,
  agent: Agent,
): { inFlight: Promise<unknown>; answer: Promise<Answer> } {
  const headers = { 'content-type': 'application/json', expect: '100-continue' };
  const signal = AbortSignal.timeout(20_000);
  const sent = request(`${url}/orders`, { method: 'POST', agent, headers, signal });
  sent.flushHeaders();
  const inFlight = once(sent, 'continue', { signal });
  const answer = inFlight.then(async () => {
    sent.end(JSON.stringify({ userId: 'user-1' }));
    const [response] = (await once(sent, 'response', { signal })) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += piece;
    const { statusCode: status, headers } = response;
    return { status, connection: headers.connection, orderId: JSON.parse(text).orderId };
  });
  return { inFlight, answer };
}
