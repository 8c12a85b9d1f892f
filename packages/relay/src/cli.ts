// The entry point of the command line. Runs one command. Next: commands/run.ts.

import { deadCommand } from './commands/dead.js';
import { doctorCommand } from './commands/doctor.js';
import { runCommand } from './commands/run.js';
import { statusCommand } from './commands/status.js';
import { version } from './version.js';

// Closing a pipe early (`… dead ls | head`) isn't an error by itself.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  process.exit(code === 'EPIPE' ? process.exitCode : 1);
});

await runCommand()
  .version(version)
  // Options after the name of a command are that command's. command.ts passes on those before it.
  .enablePositionalOptions()
  .addCommand(statusCommand())
  .addCommand(deadCommand())
  .addCommand(doctorCommand())
  .parseAsync();
