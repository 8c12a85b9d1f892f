// However a process ends, its accepted events are delivered or reported in time, and its exit code is unchanged.
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { startTrackingApi, type TrackingApi } from '@offthread/devtools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Ended, type ProgramOptions, permissionFlag, runProgram } from '../helpers/program.js';

/** Time for everything except the flush: the start of Node.js and of the worker on a busy machine. */
const SLACK_MS = 20_000;

/** Time for the flush if the API replies. The worker may take seconds to start. */
const LONG_MS = 30_000;

/** Time for an end without a flush: less than any flush would take. */
const LINGER_MS = 4_000;

/** Time for the flush if the API never replies. */
const SHORT_MS = 700;

type ApiName = 'fast' | 'slow' | 'hanging' | 'down' | 'refusing';

type Temperature = 'cold' | 'warm';

interface Plan {
  readonly ending: string;
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
  readonly times?: number;
  readonly handlerFirst?: boolean;
  readonly settings?: object;
}

interface Case {
  readonly plan: Plan;
  /** The end as observed from outside. */
  readonly code: number | null;
  readonly signal?: NodeJS.Signals;
  /** The code of events that weren't sent in time. */
  readonly late?: 'exit_timeout' | 'closed';
  readonly stderr?: RegExp;
  readonly file?: string;
  readonly args?: readonly string[];
  readonly options?: ProgramOptions;
  /** How often a preloaded module reports that it runs. */
  readonly preloads?: number;
}

const apis = new Map<ApiName, TrackingApi>();
let refusing = '';

beforeAll(async () => {
  const started = await Promise.all([
    startTrackingApi(),
    startTrackingApi({ latencyMs: 500 }),
    startTrackingApi(),
    startTrackingApi(),
    startTrackingApi(),
  ]);
  const names: ApiName[] = ['fast', 'slow', 'hanging', 'down', 'refusing'];
  for (const [index, api] of started.entries()) apis.set(names[index] as ApiName, api);
  const warmUp = { match: { eventName: 'Warm-up' }, behaviour: { type: 'ok' } } as const;
  await api('hanging').rules([warmUp]);
  await api('hanging').behave({ type: 'hang' });
  await api('down').rules([warmUp]);
  await api('down').behave({ type: 'drop', after: 'body' });
  await api('refusing').behave({ type: 'answer', status: 401 });
  refusing = await closedPort();
}, 60_000);

afterAll(async () => {
  await Promise.all([...apis.values()].map((each) => each.close()));
});

function api(name: ApiName): TrackingApi {
  const found = apis.get(name);
  if (found === undefined) throw new Error(`no API ${name}`);
  return found;
}

/** A URL that refuses connections. */
function closedPort(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      server.close(() => resolve(`http://127.0.0.1:${port}`));
    });
  });
}

let made = 0;

async function expectEnd(name: ApiName, temperature: Temperature, each: Case): Promise<void> {
  const ids = Array.from({ length: 5 }, () => `id-${++made}`);
  const warm = temperature === 'warm';
  const answers = name === 'fast' || name === 'slow';
  const host = name === 'down' && !warm ? refusing : api(name).url;
  const settings = { flushTimeout: answers ? LONG_MS : SHORT_MS, ...each.plan.settings };
  const plan = JSON.stringify({ ...each.plan, settings, host, ids, warm });
  const ended = await runProgram(each.file ?? 'ending.mjs', {
    ...each.options,
    args: [...(each.args ?? []), plan],
    onLine(line, kill) {
      const { signal, times = 1 } = each.plan;
      if (!('ready' in line) || signal === undefined) return;
      for (let n = 0; n < times; n++) setTimeout(kill, n * 100, signal);
    },
  });

  expect({ code: ended.code, signal: ended.signal }).toEqual({
    code: each.code,
    signal: each.signal ?? null,
  });
  if (each.stderr === undefined) expect(ended.stderr).toBe('');
  else expect(ended.stderr).toMatch(each.stderr);
  expect(ended.lines.filter((line) => 'preloaded' in line)).toHaveLength(each.preloads ?? 0);
  expect(ended.elapsedMs).toBeLessThan((answers ? LONG_MS : SHORT_MS) + SLACK_MS);

  const arrived = (await api(name).messageIds()).filter((id) => ids.includes(id));
  const late = each.late ?? 'exit_timeout';
  expect(arrived).toEqual(answers ? ids : []);
  expect(ended.lines.filter((line) => 'error' in line)).toEqual(answers ? [] : [{ error: late, ids }]);
  expect(ended.lines.filter((line) => 'settled' in line)).toEqual(
    ids.map((settled) => ({ settled, code: answers ? null : late })),
  );
}

const THROWN = /^\S+endings\.cjs:\d+\n.*\n.*\n\nError: thrown on purpose\n( +at .*\n)+\nNode\.js v[\d.]+\n$/;
const REJECTED =
  /^\S+endings\.cjs:\d+\n.*\n.*\n\nError: rejected on purpose\n( +at .*\n)+\nNode\.js v[\d.]+\n$/;
const onSignal = (signal: NodeJS.Signals) => ({ flushOnSignals: [signal] });

const ENDINGS: Record<string, Case> = {
  'the natural end': { plan: { ending: 'natural' }, code: 0 },
  'process.exit(0)': { plan: { ending: 'exit', code: 0 }, code: 0 },
  'process.exit(3)': { plan: { ending: 'exit', code: 3 }, code: 3 },
  'an exception': { plan: { ending: 'throw' }, code: 1, stderr: THROWN },
  'a rejection': { plan: { ending: 'reject' }, code: 1, stderr: REJECTED },
  'SIGTERM with flushOnSignals': {
    plan: { ending: 'signal', signal: 'SIGTERM', settings: onSignal('SIGTERM') },
    code: null,
    signal: 'SIGTERM',
  },
  'SIGINT with flushOnSignals': {
    plan: { ending: 'signal', signal: 'SIGINT', settings: onSignal('SIGINT') },
    code: null,
    signal: 'SIGINT',
  },
  'SIGTERM twice with flushOnSignals': {
    plan: { ending: 'signal', signal: 'SIGTERM', times: 2, settings: onSignal('SIGTERM') },
    code: null,
    signal: 'SIGTERM',
  },
  'SIGTERM with a handler that awaits close()': {
    plan: { ending: 'own handler', signal: 'SIGTERM' },
    code: 4,
    late: 'closed',
  },
  'SIGTERM with a handler of its own, behind flushOnSignals': {
    plan: { ending: 'own handler', signal: 'SIGTERM', settings: onSignal('SIGTERM') },
    code: 4,
    late: 'closed',
  },
  'SIGTERM with a handler of its own, before flushOnSignals': {
    plan: { ending: 'signal', handlerFirst: true, signal: 'SIGTERM', settings: onSignal('SIGTERM') },
    code: 4,
  },
};

/** For tests with real processes on a busy machine. */
const LIMIT = { timeout: 60_000 };

const APIS = ['fast', 'slow', 'hanging', 'down'] as const;
const TEMPERATURES = ['cold', 'warm'] as const;

describe.each(APIS)('with an API that is %s', (name) => {
  describe.each(TEMPERATURES)('and a worker that is %s', (temperature) => {
    test.concurrent.each(Object.entries(ENDINGS))(
      '%s accounts for every event and keeps the exit status',
      LIMIT,
      (_, each) => expectEnd(name, temperature, each),
    );
  });
});

const inside = (place: string) => ({ file: 'ending-inside.mjs', args: [place] });
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const flags = (...list: string[]) => ({ options: { flags: list } });
const nodeOptions = (text: string) => ({ options: { env: { NODE_OPTIONS: text } } });

const CIRCUMSTANCES: Record<string, Partial<Case>> = {
  'in a cluster worker': inside('cluster'),
  'in a forked process': inside('fork'),
  // An exception in the thread isn't printed, but passed to the code that started the thread.
  'in a worker thread of the user': { ...inside('thread'), stderr: /^$/ },
  'in CommonJS': { file: 'ending.cjs' },
  'behind a preload by --require': { ...flags('--require', fixture('preload.cjs')), preloads: 1 },
  'behind a preload by --import': { ...flags('--import', fixture('preload.mjs')), preloads: 1 },
  'behind a preload by --require in NODE_OPTIONS': {
    ...nodeOptions(`--require ${fixture('preload.cjs')}`),
    preloads: 1,
  },
  'behind a preload by --import in NODE_OPTIONS': {
    ...nodeOptions(`--import ${fixture('preload.mjs')}`),
    preloads: 1,
  },
  'behind a loader': flags('--import', fixture('loader.mjs')),
  'under the permission model': flags(permissionFlag, '--allow-fs-read=*', '--allow-worker'),
};

/** The ways a process can end by itself. Signals are tested separately. */
const OWN_ENDINGS = ['the natural end', 'process.exit(0)', 'process.exit(3)', 'an exception', 'a rejection'];

describe.each(Object.entries(CIRCUMSTANCES))('%s', (name, circumstances) => {
  const cells = APIS.flatMap((api) => TEMPERATURES.map((temperature) => ({ api, temperature })));
  // Each cell tests another ending, and each circumstance another selection of them. All combinations would take as
  // long as everything above.
  const turn = Object.keys(CIRCUMSTANCES).indexOf(name);
  // A cluster worker is kept alive by the channel to its primary.
  const endings = OWN_ENDINGS.filter((each) => name !== 'in a cluster worker' || each !== 'the natural end');
  const cases = cells.map((cell, index) => ({
    ...cell,
    ending: endings[(index + turn) % endings.length] as string,
  }));

  test.concurrent.for(cases)(
    'with an API that is $api and a worker that is $temperature, $ending works too',
    LIMIT,
    ({ api, temperature, ending }) =>
      expectEnd(api, temperature, { ...(ENDINGS[ending] as Case), ...circumstances }),
  );
});

/** Runs a case of test/fixtures/odd-ending.mjs. */
async function odd(name: string, at: ApiName = 'fast', settings: object = {}): Promise<Ended> {
  const args = [name, api(at).url, JSON.stringify(settings)];
  const ended = await runProgram('odd-ending.mjs', { args });
  expect(ended.stderr).toBe('');
  expect(ended.elapsedMs).toBeLessThan(LONG_MS + SLACK_MS);
  return ended;
}

/** The outcomes of the events as `messageId=code`, in the order of their reports. */
function outcomes({ lines }: Ended): string[] {
  return lines.flatMap((line) => ('settled' in line ? [`${line['settled']}=${line['code']}`] : []));
}

async function received(...ids: string[]): Promise<string[]> {
  return (await api('fast').messageIds()).filter((id) => ids.includes(id));
}

describe('a process', () => {
  test.concurrent('that exits right after a thousand events loses none', LIMIT, async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `many-${index}`);
    expect(await odd('many events')).toMatchObject({ code: 0 });
    expect(await received(...ids)).toEqual(ids);
  });

  test.concurrent.each(['no events', 'all delivered', 'all delivered by a blocking flush', 'closed'])(
    'with nothing pending (%s) is not kept alive',
    LIMIT,
    async (name) => {
      const { code, signal, lines } = await odd(name);
      expect({ code, signal }).toEqual({ code: 0, signal: null });
      expect(lines.at(-1)?.['lingeredMs']).toBeLessThan(LINGER_MS);
    },
  );

  test.concurrent('ends at once by a signal if its client is closed', LIMIT, async () => {
    const { signal, lines } = await odd('a signal after close');
    expect(signal).toBe('SIGTERM');
    expect(lines).toContainEqual({ listeners: 0 });
  });

  test.concurrent(
    'ends by a signal while its client is being closed, with everything delivered',
    LIMIT,
    async () => {
      const ended = await odd('a signal during close');
      expect(ended.signal).toBe('SIGTERM');
      expect(outcomes(ended)).toEqual(['closing-1=null']);
      expect(await received('closing-1')).toEqual(['closing-1']);
    },
  );

  test.concurrent(
    'with flushOnExit off does not wait, and reports the events that were not sent',
    LIMIT,
    async () => {
      const ended = await odd('no flush on exit', 'hanging');
      expect(ended.code).toBe(3);
      expect(outcomes(ended)).toEqual(['unflushed-1=exit_timeout']);
      expect(ended.lines).toContainEqual({ error: 'exit_timeout', ids: ['unflushed-1'] });
      expect(ended.lines.at(-1)?.['lingeredMs']).toBeLessThan(LINGER_MS);
    },
  );

  test.concurrent('that ran out of time reports the result of the last request', LIMIT, async () => {
    const ended = await runProgram('last-fault.mjs', { args: [api('down').url] });
    expect(ended).toMatchObject({ code: 3, signal: null, stderr: '' });
    expect(ended.lines).toEqual([
      {
        code: 'exit_timeout',
        attempts: expect.any(Number),
        cause: expect.stringMatching(/socket hang up|ECONNRESET/),
      },
    ]);
    expect(ended.lines[0]?.['attempts']).toBeGreaterThan(0);
  });

  test.concurrent(
    'with flushOnExit off still receives deliveries that are already reported',
    LIMIT,
    async () => {
      const ended = await odd('delivered before an exit without flush');
      expect(ended.code).toBe(3);
      expect(outcomes(ended)).toEqual(['unread-1=null']);
    },
  );

  test.concurrent('delivers what callbacks of the last flush track', LIMIT, async () => {
    const ended = await odd('an event in a callback of the last flush');
    const ids = ['chain-1', 'chain-2', 'chain-3', 'chain-4'];
    expect(ended.code).toBe(3);
    expect(outcomes(ended)).toEqual(ids.map((id) => `${id}=null`));
    expect(await received(...ids)).toEqual(ids);
  });

  test.concurrent("delivers what listeners for 'exit' track, before and after the last flush", {
    ...LIMIT,
  }, async () => {
    const ended = await odd('an event in a listener for exit');
    const ids = ['listener-2', 'listener-1', 'listener-3', 'listener-4'];
    expect(ended.code).toBe(3);
    expect(outcomes(ended)).toEqual(ids.map((id) => `${id}=null`));
    expect(await received(...ids)).toEqual(ids);
  });

  test.concurrent("delivers what a listener for 'exit' flushes", LIMIT, async () => {
    const ended = await odd('a flush in a listener for exit');
    expect(ended.code).toBe(3);
    expect(ended.lines).toContainEqual({ flushed: 'ok' });
    expect(await received('flush-1')).toEqual(['flush-1']);
  });

  test.concurrent('that tracks an event for each one that is given up still ends', LIMIT, async () => {
    const ended = await odd('an event for each that is given up', 'hanging');
    expect(ended.code).toBe(3);
    expect(outcomes(ended)).toEqual(['given-up=exit_timeout']);
    expect(ended.lines.filter((line) => 'refused' in line)).toEqual([
      { refused: 'again' },
      { refused: 'too late' },
    ]);
  });

  test.concurrent.each([
    ['process.exit() in a callback', 5, ['callback-1', 'callback-2']],
    ['process.exit() in onError', 6, ['on-error-1', 'on-error-2']],
  ])('that ends with %s during a flush loses nothing', LIMIT, async (name, code, ids) => {
    const ended = await odd(name);
    expect(ended.code).toBe(code);
    expect(outcomes(ended)).toEqual(ids.map((id) => `${id}=null`));
    expect(await received(...ids)).toEqual(ids);
  });

  test.concurrent('that calls process.exit() in a callback of the last flush ends there', LIMIT, async () => {
    const ended = await odd('process.exit() in a callback of the last flush');
    expect(ended.code).toBe(9);
    expect(outcomes(ended)).toEqual(['last-1=null']);
  });

  test.concurrent('that calls process.exit() in a callback still gets the outcome of every other event of the batch', {
    ...LIMIT,
  }, async () => {
    const ended = await odd('process.exit() in a callback of a failed batch', 'refusing');
    expect(ended.code).toBe(5);
    expect(outcomes(ended)).toEqual(['refused-1=rejected', 'refused-2=rejected']);
    expect(ended.lines).toContainEqual({ error: 'rejected', ids: ['refused-1', 'refused-2'] });
    expect(ended.lines).toContainEqual({ failed: 2 });
  });

  test.concurrent('that calls process.exit() in onError still publishes diagnostics', LIMIT, async () => {
    const ended = await odd('process.exit() in onError of a failed batch', 'refusing');
    expect(ended.code).toBe(6);
    expect(ended.lines).toContainEqual({ failed: 1 });
  });

  test.concurrent("whose libraries emit 'exit' continues as before", LIMIT, async () => {
    const ended = await odd('an exit that is only emitted');
    expect(ended.code).toBe(0);
    expect(ended.lines).toContainEqual({ flushed: 'ok', pending: 0 });
    const ids = ['emitted-1', 'emitted-2', 'emitted-3'];
    expect(outcomes(ended)).toEqual(ids.map((id) => `${id}=null`));
    expect(await received(...ids)).toEqual(ids);
  });

  test.concurrent('whose onError creates a client for each error still ends', LIMIT, async () => {
    expect(await odd('a client for each error', 'hanging')).toMatchObject({ code: 3, signal: null });
  });

  test.concurrent("loses nothing if a listener for 'exit' throws", LIMIT, async () => {
    const args = ['a listener for exit that throws', api('fast').url];
    const { stderr, lines } = await runProgram('odd-ending.mjs', { args });
    expect(stderr).toContain('thrown in a listener');
    expect(lines).toContainEqual({ settled: 'prepended-1', code: null });
    expect(await received('prepended-1')).toEqual(['prepended-1']);
  });

  test.concurrent('is not affected by a callback that throws in the last flush', LIMIT, async () => {
    const ended = await odd('an exception in a callback');
    expect(ended.code).toBe(3);
    expect(ended.lines).toContainEqual({ error: 'callback_failed', ids: [] });
    expect(await received('throwing-1', 'throwing-2')).toEqual(['throwing-1', 'throwing-2']);
  });

  test.concurrent(
    'with one client whose API hangs delivers the events of the other client',
    LIMIT,
    async () => {
      const ended = await odd('two clients, one of them late', 'fast', { host: api('hanging').url });
      expect(ended.code).toBe(3);
      expect(outcomes(ended).sort()).toEqual(['in-time-1=null', 'late-1=exit_timeout']);
      expect(await received('in-time-1')).toEqual(['in-time-1']);
    },
  );
});

describe('a pending callback', () => {
  test.concurrent('keeps the process alive until it has been called, each time', LIMIT, async () => {
    const ended = await runProgram('awaited-callback.mjs', { args: [api('slow').url, '3'] });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.lines).toEqual([1, 2, 3].map((awaited) => ({ awaited, code: null })));
  });

  test.concurrent('keeps the process alive for flushTimeout at most', LIMIT, async () => {
    const args = [api('hanging').url, '1', '600'];
    const ended = await runProgram('awaited-callback.mjs', { args });
    // The exit code of Node.js for an unsettled await. The exit hook calls the callback too late.
    expect(ended).toMatchObject({ code: 13, signal: null });
    expect(ended.elapsedMs).toBeLessThan(LONG_MS);
  });
});

describe('SIGTERM with flushOnSignals', () => {
  const SIGNAL_EXIT = [['signal-exit 3'], ['signal-exit 4'], ['signal-exit 3', 'signal-exit 4']];
  const OTHERS = [
    ['close-with-grace'],
    ['a listener of its own'],
    ['signal-exit 4', 'a listener of its own'],
    ['signal-exit 3', 'signal-exit 4', 'close-with-grace'],
  ];
  const beside = async (others: readonly string[], when: string) => {
    const args = [api('fast').url, JSON.stringify(others), when];
    const ended = await runProgram('signal-beside.mjs', { args });
    expect(ended.stderr).toBe('');
    const called = ended.lines.flatMap((line) => ('called' in line ? [line['called']] : []));
    const settled = ended.lines.find((line) => 'settled' in line);
    expect(settled).toMatchObject({ code: null });
    expect(await received(String(settled?.['settled']))).toHaveLength(1);
    return { code: ended.code, signal: ended.signal, called };
  };

  for (const when of ['before', 'after']) {
    test.concurrent.each(SIGNAL_EXIT.map((others) => [others]))(
      `with %j, added ${when} it, ends the process by the signal`,
      LIMIT,
      async (others) => {
        const { called, ...end } = await beside(others, when);
        expect(end).toEqual({ code: null, signal: 'SIGTERM' });
        expect([...called].sort()).toEqual(others);
      },
    );

    test.concurrent.each(OTHERS.map((others) => [others]))(
      `with %j, added ${when} it, leaves the end to them`,
      LIMIT,
      async (others) => {
        const { called, ...end } = await beside(others, when);
        expect(end).toEqual({ code: others.includes('close-with-grace') ? 0 : 4, signal: null });
        expect(called).toContain(others.at(-1));
      },
    );
  }
});

describe('a worker thread of the user that is terminated', () => {
  /** Runs a thread that tracks two events and is terminated when it is ready. Returns what it reported. */
  async function terminate(at: ApiName, how: 'pending' | 'flushed'): Promise<Ended> {
    const args = [how, api(at).url, `terminated-${++made}`];
    const ended = await runProgram('terminated.mjs', { args });
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    return ended;
  }

  test.concurrent('loses what is pending without a report, and leaves no thread behind', LIMIT, async () => {
    const { lines } = await terminate('hanging', 'pending');
    expect(lines).toEqual([{ ready: 2 }, { terminated: 1, threads: 0 }, { lingeredMs: expect.any(Number) }]);
    expect(lines.at(-1)?.['lingeredMs']).toBeLessThan(LINGER_MS);
  });

  test.concurrent('loses nothing if it was flushed before', LIMIT, async () => {
    const { lines } = await terminate('fast', 'flushed');
    const settled = lines.filter((line) => 'settled' in line);
    expect(settled).toEqual([1, 2].map((n) => ({ settled: expect.stringContaining(`-${n}`), code: null })));
    const ids = settled.map(({ settled }) => String(settled));
    expect(await received(...ids)).toEqual(ids);
    expect(lines.slice(-2)).toEqual([{ terminated: 1, threads: 0 }, { lingeredMs: expect.any(Number) }]);
  });
});
