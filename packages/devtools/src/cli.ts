// In: the command line. Out: one command run. Next: the file of that command in commands/.
import { readFileSync } from 'node:fs';
import { doctorCommand } from './commands/doctor.js';
import { importCommand } from './commands/import.js';
import { listenCommand } from './commands/listen.js';
import { sendCommand } from './commands/send.js';
import { commandNamed } from './usage.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A pipe that is closed early (`offthread … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const program = commandNamed('offthread')
  .description('Tools for developing with Offthread, analytics for Node.js servers.')
  .version(version)
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
