// The program `offthread`: its commands, and what happens to an error that none of them handles.
import { readFileSync } from 'node:fs';
import { doctorCommand } from './commands/doctor.js';
import { importCommand } from './commands/import.js';
import { listenCommand } from './commands/listen.js';
import { sendCommand } from './commands/send.js';
import { commandNamed } from './usage.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// A pipe that closes early (`offthread … | head`) isn't an error.
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
