// The events arrive whatever kills the worker thread, and whenever. Only a batch that kills it repeatedly is given up.
import { setTimeout as delay } from 'node:timers/promises';
import { type Behaviour, type Rule, startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Line, runProgram } from '../helpers/program.js';

/** For tests with real deaths on a busy machine. */
const LIMIT = { timeout: 60_000 };

const MANNERS = ['throw', 'exit', 'memory', 'spin'] as const;
const FLUSHES = ['asynchronous', 'blocking'] as const;

/**
 * Milliseconds of silence before a thread counts as dead, for tests in which none should: a busy machine may not run a
 * thread for a second, and detecting silence is another test.
 */
const PATIENCE = { throw: 10_000, exit: 10_000, memory: undefined, spin: undefined } as const;

/** A way to kill a thread, see test/fixtures/killer.cjs. */
interface Death {
  readonly manner: (typeof MANNERS)[number] | 'stall' | 'standstill';
  readonly when: 'message' | 'request' | 'poison';
  readonly request?: number;
  readonly after?: number;
}

interface Plan {
  readonly state?: 'idle' | 'steady';
  readonly blocking: boolean;
  /** One for each thread. */
  readonly orders?: readonly Death[];
  /** For all threads. */
  readonly all?: Death;
  readonly settings?: object;
  readonly clients?: number;
  readonly patience?: number | undefined;
}

let api: TrackingApi;
const rules: Rule[] = [];

beforeAll(async () => {
  api = await startTrackingApi();
  await api.rules(rules);
}, 60_000);
afterAll(() => api.close());

let made = 0;

/** Ids for one test. Requests with the first of them get the given behaviour. */
function idsFor(count: number, behaviour?: Behaviour, times?: number): string[] {
  const ids = Array.from({ length: count }, () => `id-${++made}`);
  const match = { messageId: ids[0] as string };
  if (behaviour !== undefined) rules.push({ match, behaviour, ...(times === undefined ? {} : { times }) });
  return ids;
}

type Kill = (signal: NodeJS.Signals) => void;

/** Runs the plan in a child process, which must end normally. */
async function crash(ids: readonly string[], plan: Plan, onReady: (kill: Kill) => void = () => {}) {
  const ended = await runProgram('crash.mjs', {
    args: [JSON.stringify({ host: api.url, ids, orders: [], ...plan })],
    onLine: (line, kill) => {
      if ('ready' in line) onReady(kill);
    },
  });
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  const received = (await api.messageIds()).filter((id) => ids.includes(id));
  const errors = ended.lines.filter((line) => 'error' in line);
  return { received, errors, ...ended };
}

/** Removes repeated events, as the API does. */
function once(received: readonly string[]): string[] {
  return [...new Set(received)];
}

function summary(status: string, counts: Line): Line[] {
  return [
    { status, pending: 0 },
    { balanced: true, ...counts },
  ];
}

/** Stops a process 25 times for half a second each, once the API has a request with these ids. */
async function stopAgainAndAgain(kill: Kill, ids: readonly string[]): Promise<void> {
  const hasArrived = async (): Promise<boolean> =>
    (await api.requests()).some(({ messageIds }) => messageIds[0] === ids[0]);
  await vi.waitUntil(hasArrived, { timeout: 20_000, interval: 20 });
  for (let stops = 0; stops < 25; stops++) {
    kill('SIGSTOP');
    await delay(500);
    kill('SIGCONT');
    await delay(30);
  }
}

describe.concurrent.each(FLUSHES)('during a flush that is %s', (how) => {
  const blocking = how === 'blocking';

  describe.each(MANNERS)('a worker that dies (%s)', (manner) => {
    const patience = PATIENCE[manner];

    test('while it is idle loses nothing', LIMIT, async () => {
      const ids = idsFor(5);
      const orders = [{ manner, when: 'message' }] as const;
      const { received, errors, lines } = await crash(ids, { state: 'idle', blocking, orders, patience });
      expect(once(received)).toEqual(ids);
      expect(errors).toEqual([]);
      expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 6 }));
    });

    // The API receives the request and answers after the thread is dead.
    const slowly = idsFor(5, { type: 'ok', delayMs: 2_000 }, 1);
    test('while a request is out repeats that batch only', LIMIT, async () => {
      const orders = [{ manner, when: 'request', request: 1, after: 500 }] as const;
      const { received, errors, lines } = await crash(slowly, { blocking, orders, patience });
      const [first] = (await api.requests()).filter(({ messageIds }) => messageIds[0] === slowly[0]);
      expect(once(received)).toEqual(slowly);
      expect(received.slice(0, -slowly.length)).toEqual(first?.messageIds);
      expect(errors).toEqual([]);
      expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 5 }));
    });

    // A flush cuts the first backoff short; the second one takes a second.
    const refused = idsFor(5, { type: 'answer', status: 503 }, 2);
    test('while it backs off sends the batch again', LIMIT, async () => {
      const orders = [{ manner, when: 'request', request: 2, after: 300 }] as const;
      const { received, errors, lines } = await crash(refused, { blocking, orders, patience });
      expect(received).toEqual(refused);
      expect(errors).toEqual([]);
      expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 5 }));
    });

    test('of one batch, three times, gives up that batch only', LIMIT, async () => {
      const [one, two, three, four, five, six] = idsFor(6) as [
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const ids = [one, two, `poison-${three}`, four, five, six];
      const all = { manner, when: 'poison' } as const;
      const { received, errors, lines } = await crash(ids, { blocking, all, patience });
      expect(received).toEqual([one, two, five, six]);
      expect(errors).toEqual([{ error: 'worker_crashed', ids: [`poison-${three}`, four] }]);
      expect(lines.slice(-2)).toEqual(summary('worker-dead', { workers: 4, delivered: 4 }));
    });
  });

  test('deaths with progress between them give up nothing', LIMIT, async () => {
    const ids = idsFor(10);
    const all = { manner: 'exit', when: 'request', request: 2, after: 0 } as const;
    const { received, errors, lines } = await crash(ids, { blocking, all, patience: PATIENCE.exit });
    expect(once(received)).toEqual(ids);
    expect(errors).toEqual([]);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: expect.any(Number), delivered: 10 }));
  });

  test('a flush also applies to the replacement of the thread', LIMIT, async () => {
    const ids = idsFor(5);
    const orders = [{ manner: 'exit', when: 'request', request: 1, after: 0 }] as const;
    // The fifth event is alone in its batch and would wait for more events.
    const { received, errors, lines } = await crash(ids, {
      blocking,
      orders,
      patience: PATIENCE.exit,
      settings: { linger: 1_000_000 },
    });
    expect(once(received)).toEqual(ids);
    expect(errors).toEqual([]);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 5 }));
  });

  test('all clients move to the new thread together', LIMIT, async () => {
    const ids = idsFor(9);
    const orders = [{ manner: 'throw', when: 'request', request: 3, after: 0 }] as const;
    const { received, errors, lines } = await crash(ids, {
      blocking,
      orders,
      clients: 3,
      patience: PATIENCE.throw,
    });
    expect(once(received).sort()).toEqual([...ids].sort());
    expect(errors).toEqual([]);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 9 }));
  });

  test('a thread that is starved of CPU, like its replacement, loses nothing', LIMIT, async () => {
    const ids = idsFor(5);
    const all = { manner: 'stall', when: 'request', request: 1, after: 0 } as const;
    const { received, errors, lines } = await crash(ids, { blocking, all });
    expect(once(received)).toEqual(ids);
    expect(errors).toEqual([]);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: expect.any(Number), delivered: 5 }));
  });

  // There is work both before and after the stop.
  const stopped = idsFor(5, { type: 'ok', delayMs: 4_000 });
  test('a process that is stopped for two seconds keeps its worker', LIMIT, async () => {
    const { received, lines } = await crash(stopped, { blocking }, (kill) => {
      setTimeout(() => kill('SIGSTOP'), 1_000);
      setTimeout(() => kill('SIGCONT'), 3_000);
    });
    expect(received).toEqual(stopped);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: 1, delivered: 5 }));
  });

  // After each stop, main may check the worker before the worker has run. Twenty such checks don't count as silence.
  const halting = idsFor(5, { type: 'ok', delayMs: 4_000 }, 1);
  test('a process that is stopped again and again keeps its worker', LIMIT, async () => {
    const all = { manner: 'standstill', when: 'request', request: 1, after: 300 } as const;
    const settings = { requestTimeout: 40_000 };
    let stopping: Promise<void> | undefined;
    const { received, errors, lines } = await crash(halting, { blocking, all, settings }, (kill) => {
      stopping = stopAgainAndAgain(kill, halting);
    });
    await stopping;
    expect(received).toEqual(halting);
    expect(errors).toEqual([]);
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: 1, delivered: 5 }));
  });
});

// Ten seconds of events; the first thread never makes its second request.
test.concurrent.each(MANNERS)(
  'a worker that dies (%s) while nothing waits for it is replaced',
  LIMIT,
  async (manner) => {
    const ids = idsFor(200);
    const { received, errors, lines } = await crash(ids, {
      state: 'steady',
      blocking: false,
      orders: [{ manner, when: 'request', request: 2, after: 0 }],
      patience: PATIENCE[manner],
      settings: { batchSize: 100 },
    });
    expect(once(received)).toEqual(ids);
    expect(errors).toEqual([]);
    expect(lines).toContainEqual({ workers: 2, delivered: true });
    expect(lines.slice(-2)).toEqual(summary('ok', { workers: 2, delivered: 200 }));
  },
);
