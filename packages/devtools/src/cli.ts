// In: the command line. Out: one command run. Next: the file of that command in commands/.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { doctorCommand } from './commands/doctor.js';
import { importCommand } from './commands/import.js';
import { listenCommand } from './commands/listen.js';
import { sendCommand } from './commands/send.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A pipe that is closed early (`offthread … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = new Command('offthread')
  .description('Tools for developing with Offthread, analytics for Node.js servers.')
  .version(version)
  .showHelpAfterError('Run with --help for what can be said here.')
  .addCommand(listenCommand())
  .addCommand(sendCommand())
  .addCommand(importCommand())
  .addCommand(doctorCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`offthread: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
