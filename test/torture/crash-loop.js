// A server under load that is killed with SIGKILL again and again, and started again. In: how often, and a seed. Out: what
// became of the orders that were answered with 201. Used by torture.js and the demo.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';

const SERVER = new URL('./server.js', import.meta.url);

/** Milliseconds that a kill may take of what was answered before it, on a machine that runs the worker when it is due. */
export const WINDOW_MS = 50;

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function startServer(settings) {
  const child = fork(SERVER, {
    execArgv: [],
    env: { ...process.env, SETTINGS: JSON.stringify(settings) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const onExit = () => child.kill('SIGKILL');
  process.on('exit', onExit);
  child.once('exit', () => process.off('exit', onExit));
  const [{ url }] = await once(child, 'message', { signal: AbortSignal.timeout(20_000) });
  return { child, url };
}

export async function kill({ child }) {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function post(url, agent) {
  return new Promise((resolve) => {
    const outgoing = request(url, { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
      response.on('error', () => resolve(undefined));
    });
    outgoing.on('error', () => resolve(undefined));
    outgoing.end();
  });
}

/** The load: orders, one after the other on each connection, until it is stopped. */
export class Load {
  /** When each order was answered with 201. */
  answered = new Map();
  #count = 0;
  #isRunning = true;
  #done;

  constructor(url, connections, prefix) {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    const send = async () => {
      while (this.#isRunning) {
        const id = `${prefix}-${++this.#count}`;
        const status = await post(`${url}/orders/${id}`, agent);
        if (status === 201) this.answered.set(id, performance.now());
        else await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    this.#done = Promise.all(Array.from({ length: connections }, send)).then(() => agent.destroy());
  }

  async stop() {
    this.#isRunning = false;
    await this.#done;
  }
}

/**
 * Kills a server `kills` times.
 *
 * @returns the orders that were answered with 201, with the milliseconds from the answer to the kill.
 */
export async function crashLoop({ settings, kills, seed, connections = 8, most = 400, onKill = () => {} }) {
  const random = seeded(seed);
  const answered = new Map();
  for (let round = 0; round < kills; round++) {
    const server = await startServer(settings);
    const load = new Load(server.url, connections, `${seed}-${round}`);
    // Some are killed while they adopt, and some after the first requests.
    await new Promise((resolve) => setTimeout(resolve, random() * most));
    if (random() < 0.5) {
      // What was accepted before is safe though the main thread does nothing for it any more.
      void post(`${server.url}/block/5000`, new Agent());
      await new Promise((resolve) => setTimeout(resolve, WINDOW_MS * 3));
    }
    const killedAt = performance.now();
    await kill(server);
    await load.stop();
    for (const [id, time] of load.answered) answered.set(id, killedAt - time);
    onKill(round + 1, answered.size);
  }
  return answered;
}

/** Orders that must arrive: those that were answered more than `window` ms before a kill, or all of them if it is 0. */
export function safeOrders(answered, window) {
  return [...answered].filter(([, age]) => window === 0 || age > window).map(([id]) => id);
}

/**
 * Has one more process send what the others have left. Resolves when the safe orders have arrived and nothing waits any more,
 * or after `timeout` ms.
 */
export async function drain({ settings, api, answered, window, timeout = 60_000 }) {
  const server = await startServer({ ...settings, isDraining: true });
  const end = performance.now() + timeout;
  const orders = safeOrders(answered, window);
  let arrived = await arrivedOrders(api);
  let stats;
  // Twice, because it finds the runs some time after it has started.
  for (let quiet = 0; performance.now() < end && (quiet < 2 || orders.some((id) => !arrived.has(id))); ) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    stats = await (await fetch(`${server.url}/stats`)).json();
    quiet = stats.spool.oldestAge === 0 ? quiet + 1 : 0;
    arrived = await arrivedOrders(api);
  }
  const ended = once(server.child, 'exit');
  server.child.send('end');
  await ended;
  return { arrived: await arrivedOrders(api), stats };
}

/** The messageIds under which each order arrived. */
async function arrivedOrders(api) {
  const arrived = new Map();
  for (const { messageId, properties } of await api.events()) {
    const ids = arrived.get(properties.order) ?? new Set();
    arrived.set(properties.order, ids.add(messageId));
  }
  return arrived;
}

/** What became of the orders. */
export function judge(answered, arrived, window) {
  const lost = [...answered].filter(([id]) => !arrived.has(id));
  const missing = safeOrders(new Map(lost), window);
  return {
    answered: answered.size,
    arrived: answered.size - lost.length,
    missing,
    /** Orders that may be missing, because they were answered just before a kill. */
    missingRisky: lost.length - missing.length,
    /** The longest time before a kill at which an order was answered that is missing. */
    oldestMissingMs: Math.max(0, ...lost.map(([, age]) => age)),
    /** Orders that arrived as two different events. */
    doubled: [...arrived].filter(([, ids]) => ids.size > 1).map(([id]) => id),
  };
}
