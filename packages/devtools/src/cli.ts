// The entry point of the command line. Runs one command. Next: the file of that command in commands/.
import { readFileSync } from 'node:fs';
import { completeCommand, completionCommand } from './commands/completion.js';
import { doctorCommand } from './commands/doctor.js';
import { importCommand } from './commands/import.js';
import { listenCommand } from './commands/listen.js';
import { sendCommand } from './commands/send.js';
import { spoolCommand } from './commands/spool.js';
import { complain } from './output.js';
import { commandNamed } from './usage.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Closing a pipe early (`offthread … | head`) isn't an error by itself.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
  process.exit(code === 'EPIPE' ? process.exitCode : 1);
});
// Output that can't be written to stderr is lost. The exit code still shows the result.
process.stderr.on('error', () => {});

const program = commandNamed('offthread')
  .description('Tools for developing with Offthread, analytics for Node.js servers.')
  .version(version)
  .addCommand(listenCommand())
  .addCommand(sendCommand())
  .addCommand(importCommand())
  .addCommand(spoolCommand())
  .addCommand(doctorCommand())
  .addCommand(completionCommand());
program.addCommand(completeCommand(program), { hidden: true });

try {
  await program.parseAsync();
} catch (error) {
  complain(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
