// Commands for fast-check: what a program does with its clients, and what can happen meanwhile.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Behaviour, TrackingApi } from '@offthread/devtools';
import fc from 'fast-check';
import { killWorker } from '../fixtures/crashing.mjs';
import { KINDS, type Kind, type Subject } from './subject.js';

/** What the commands act on. */
export interface World {
  readonly api: TrackingApi;
  readonly subjects: readonly Subject[];
}

/** What a run may expect: how its events can end. */
export interface Model {
  /** Whether a client was closed with a short timeout. */
  hurried: boolean;
  /** Whether the API may have requested a longer pause than the last close allows. */
  held: boolean;
  /** Whether the API was made to misbehave. */
  faulty: boolean;
  down: boolean;
}

type Command = fc.AsyncCommand<Model, World>;

/** Creates a command that is shown by its name. */
function command(
  name: string,
  act: (model: Model, world: World) => unknown,
  when = (_: Model) => true,
): Command {
  return {
    check: (model) => when(model),
    run: async (model, world) => void (await act(model, world)),
    toString: () => name,
  };
}

/** The API requests a longer pause than any client has time for. */
const BUSY: Behaviour = { type: 'answer', status: 503, headers: { 'retry-after': '300' } };

const FAULTS: readonly Behaviour[] = [
  BUSY,
  { type: 'answer', status: 500 },
  { type: 'answer', status: 429 },
  { type: 'answer', status: 429, headers: { 'retry-after': '1' } },
  { type: 'drop', after: 'headers' },
  { type: 'drop', after: 'body' },
  { type: 'drop', after: 'body', accept: true },
  { type: 'drop', after: 'partial-reply' },
  { type: 'hang' },
  { type: 'hang', accept: true },
  { type: 'ok', delayMs: 60 },
  // Longer than the request timeout.
  { type: 'ok', delayMs: 400 },
  { type: 'truncate' },
  { type: 'garbage' },
];

/** The request timeout in milliseconds. */
export const REQUEST_TIMEOUT_MS = 200;

const MANNERS = ['exit', 'exit', 'exit', 'throw', 'throw', 'throw', 'spin'] as const;

const which = fc.constantFrom(0, 1);
const times = fc.integer({ min: 1, max: 3 });

function on(subject: number, { subjects }: World): Subject {
  return subjects[subject] as Subject;
}

const kinds = fc.array(fc.constantFrom<Kind>(...KINDS, 'ordinary', 'ordinary', 'named', 'exact'), {
  minLength: 1,
  maxLength: 8,
});

/** Tracks in one tick. The next tick may compute for `ms`, so that the main thread receives no outcomes meanwhile. */
const track = fc.tuple(which, kinds, fc.constantFrom(0, 0, 150)).map(([subject, list, ms]) =>
  command(`track ${list.join(', ')} (${subject})${ms > 0 ? `, compute ${ms} ms` : ''}`, async (_, world) => {
    for (const kind of list) on(subject, world).track(kind);
    if (ms === 0) return;
    await sleep(0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }),
);

const flush = fc
  .tuple(which, fc.constantFrom(0, 30, 150))
  .map(([subject, ms]) => command(`flush ${ms} ms (${subject})`, (_, world) => on(subject, world).flush(ms)));

const flushAsync = fc
  .tuple(which, fc.constantFrom(0, 30, 150, 2_000))
  .map(([subject, ms]) =>
    command(`flushAsync ${ms} ms (${subject})`, (_, world) => on(subject, world).flushAsync(ms)),
  );

const resend = which.map((subject) =>
  command(`resend (${subject})`, (_, world) => on(subject, world).resend()),
);

const pause = fc.constantFrom(0, 5, 20, 100).map((ms) => command(`pause ${ms} ms`, () => sleep(ms)));

const close = fc.tuple(which, fc.constantFrom(0, 50, 500)).map(([subject, ms]) =>
  command(`close ${ms} ms (${subject})`, (model, world) => {
    model.hurried = true;
    on(subject, world).beginClose(ms);
  }),
);

const kill = fc
  .tuple(
    fc.constantFrom(...MANNERS),
    fc.option(fc.record({ request: fc.constantFrom(1, 1, 2), after: fc.constantFrom(0, 2, 50) })),
  )
  .map(([manner, later]) =>
    command(`kill the worker by ${manner}${later === null ? '' : ` after ${JSON.stringify(later)}`}`, () =>
      killWorker({ manner, ...later }),
    ),
  );

const fault = fc.tuple(fc.constantFrom(...FAULTS), times).map(([behaviour, count]) =>
  command(`${count} requests get ${JSON.stringify(behaviour)}`, async (model, { api }) => {
    model.faulty = true;
    model.held ||= behaviour === BUSY;
    await api.script([{ ...behaviour, times: count }]);
  }),
);

const outage = fc.constantFrom(...FAULTS).map((behaviour) =>
  command(`all requests get ${JSON.stringify(behaviour)}`, async (model, { api }) => {
    model.faulty = true;
    model.held ||= behaviour === BUSY;
    await api.behave(behaviour);
  }),
);

const down = fc.constant(
  command(
    'the API is down',
    async (model, { api }) => {
      model.faulty = model.down = true;
      await api.stop();
    },
    (model) => !model.down,
  ),
);

const heal = fc.constant(command('the API recovers', healed));

/** Restores the API, except for a poisonous event. */
export async function healed(model: Model, { api }: World): Promise<void> {
  if (model.down) await api.start();
  model.down = false;
  await api.behave({ type: 'ok' });
}

/** Any of the commands. Some appear twice, because programs use them more often. */
export const commands = [
  track,
  track,
  track,
  flush,
  flushAsync,
  pause,
  pause,
  resend,
  kill,
  kill,
  fault,
  fault,
  outage,
  down,
  heal,
  close,
];
