// Reads the CPU time of this process, main thread and all threads, from the kernel. Used by scenarios.
import { readdirSync, readFileSync } from 'node:fs';

const TASKS = '/proc/self/task';

/** CPU time in microseconds since the process started. */
export function readCpu() {
  return fromScheduler() ?? fromRuntime();
}

/** CPU time between two readings in microseconds, and the elapsed milliseconds. */
export function usedBetween(before, after) {
  return { main: after.main - before.main, all: after.all - before.all, elapsed: after.time - before.time };
}

/** The source of the readings, for the report. */
export function cpuSource() {
  return fromScheduler() === undefined ? 'process.cpuUsage, event loop utilization' : `${TASKS}/*/schedstat`;
}

/** The first number of schedstat is CPU time in nanoseconds. It includes all threads of V8, libuv and workers. */
function fromScheduler() {
  // Makes the kernel bring the time of this thread up to date. Otherwise that of a thread that is running is as old as the
  // last tick of the scheduler, up to 4 ms.
  process.cpuUsage();
  const main = usedBy(process.pid);
  if (main === undefined) return undefined;
  let all = 0;
  for (const id of readdirSync(TASKS)) all += usedBy(id) ?? 0;
  return { main, all, time: performance.now() };
}

/** Returns undefined if the file doesn't exist, or if the thread has just ended. */
function usedBy(id) {
  try {
    return Number.parseInt(readFileSync(`${TASKS}/${id}/schedstat`, 'latin1'), 10) / 1e3;
  } catch {
    return undefined;
  }
}

/** On other systems: the CPU time of the process, and for the main thread the time that its event loop was active. */
function fromRuntime() {
  const { user, system } = process.cpuUsage();
  const { active } = performance.eventLoopUtilization();
  return { main: active * 1e3, all: user + system, time: performance.now() };
}
