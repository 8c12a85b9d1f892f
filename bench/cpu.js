// The kernel's accounts -> CPU time of this process, main thread and all threads. Used by scenarios.
import { readdirSync, readFileSync } from 'node:fs';

const TASKS = '/proc/self/task';

/** Microseconds on a CPU since the process began. */
export function readCpu() {
  return fromScheduler() ?? fromRuntime();
}

/** What was used between two readings, in microseconds, and the milliseconds that passed. */
export function usedBetween(before, after) {
  return { main: after.main - before.main, all: after.all - before.all, elapsed: after.time - before.time };
}

/** Where the readings come from, for the report. */
export function cpuSource() {
  return fromScheduler() === undefined ? 'process.cpuUsage, event loop utilization' : `${TASKS}/*/schedstat`;
}

/** The first number of schedstat: nanoseconds on a CPU. In it are all threads of V8, libuv and workers. */
function fromScheduler() {
  const main = usedBy(process.pid);
  if (main === undefined) return undefined;
  let all = 0;
  for (const id of readdirSync(TASKS)) all += usedBy(id) ?? 0;
  return { main, all, time: performance.now() };
}

/** Undefined where there is no such account, or where the thread has just ended. */
function usedBy(id) {
  try {
    return Number.parseInt(readFileSync(`${TASKS}/${id}/schedstat`, 'latin1'), 10) / 1e3;
  } catch {
    return undefined;
  }
}

/** Elsewhere: the process's own account, and for the main thread the time its event loop was not idle. */
function fromRuntime() {
  const { user, system } = process.cpuUsage();
  const { active } = performance.eventLoopUtilization();
  return { main: active * 1e3, all: user + system, time: performance.now() };
}
