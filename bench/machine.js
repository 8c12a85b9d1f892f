// Describes this machine in a line for the report.
import { cpus, loadavg, release, totalmem, type } from 'node:os';

export function describeMachine() {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} x ${model}, ${memory} GB, ${type()} ${release()}`;
}

/** The load average of the last minute. */
export function load() {
  return loadavg()[0];
}
