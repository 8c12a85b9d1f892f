// What programs do at their end on a runtime: app/runtime.mjs is run once for each of these.
import { join } from 'node:path';

/** What it does, its exit code or signal, and how many events arrive. */
const PROGRAMS = [
  ['flush', 0, 1_000],
  ['close', 0, 100],
  ['exit', 7, 100],
  ['end', 0, 100],
  ['throw', 1, 100],
  ['reject', 1, 100],
  ['throw-advised', 1, 100],
  ['reject-advised', 1, 100],
  ['signal', 'SIGTERM', 100],
  ['store', 'SIGKILL', 0],
  // With one event of its own.
  ['recover', 0, 101],
  ['compat', 0, 100],
  ['scope', 0, 1],
];

/** Gaps that docs/bundlers.md names. If one has been closed, it must be removed there and here. */
const LOST = { Deno: ['throw', 'reject'] };

/** Returns what is different from that, if anything. `run` runs the program with these arguments. */
export async function checkRuntime({ name, out }, api, run) {
  const wrong = [];
  for (const [how, end, events] of PROGRAMS) {
    await api.reset();
    const { code, output } = await run(api.url, how, join(out, 'spool'));
    const expected = LOST[name]?.includes(how) ? 0 : events;
    const arrived = new Set(await api.messageIds()).size;
    if (code !== end || arrived !== expected)
      wrong.push(
        `${how}: ended with ${code}, not ${end}; ${arrived} events arrived, not ${expected}\n${output}`,
      );
  }
  return wrong.length === 0 ? undefined : wrong.join('\n');
}
