// All scenarios, in display order. Each has `title`, `subjects`, `run` (in the bench's process: returns the figures of
// one subject) and `measure` (in a child process).
import * as call from './call.js';
import * as defaults from './defaults.js';
import * as exit from './exit.js';
import * as growth from './growth.js';
import * as imports from './import.js';
import * as latency from './latency.js';
import * as loop from './loop.js';
import * as memory from './memory.js';
import * as paced from './paced.js';
import * as relay from './relay.js';
import * as script from './script.js';
import * as spool from './spool.js';
import * as throughput from './throughput.js';

export const SCENARIOS = {
  paced,
  throughput,
  defaults,
  latency,
  call,
  loop,
  script,
  exit,
  import: imports,
  memory,
  growth,
  spool,
  relay,
};
