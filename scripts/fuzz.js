// `npm run fuzz -- --seconds 60 [--seed N]`: runs the properties of test/system/fuzz.test.ts for that long. Prints the
// seed, which repeats the run.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
for (const name of ['seconds', 'seed']) {
  if (!/^\d+$/.test(values[name])) throw new Error(`--${name} must be a whole number`);
}
const { seconds, seed } = values;
console.log(`npm run fuzz -- --seconds ${seconds} --seed ${seed}`);
const { status } = spawnSync('npx', ['vitest', 'run', 'test/system/fuzz.test.ts'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  stdio: 'inherit',
  env: { ...process.env, OFFTHREAD_FUZZ_SECONDS: seconds, OFFTHREAD_FUZZ_SEED: seed },
});
if (status === 0) console.log(`Nothing found with seed ${seed}.`);
process.exitCode = status ?? 1;
