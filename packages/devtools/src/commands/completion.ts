// The commands `completion`, which prints a script for a shell, and `complete`, which the scripts run.
import { Argument, type Command, type Option } from 'commander';
import { SCRIPTS } from '../completion-scripts.js';
import { commandNamed } from '../usage.js';

const HELP = `
Examples:
  $ echo 'source <(offthread completion bash)' >> ~/.bashrc
  $ echo 'source <(offthread completion zsh)' >> ~/.zshrc
      After compinit.
  $ offthread completion fish > ~/.config/fish/completions/offthread.fish
`;

export function completionCommand(): Command {
  return commandNamed('offthread completion')
    .description('Print a script that completes commands and options in a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HELP)
    .action((shell: keyof typeof SCRIPTS) => void process.stdout.write(SCRIPTS[shell]));
}

/** `offthread complete -- WORDS` prints the possible completions of the last word. */
export function completeCommand(program: Command): Command {
  return commandNamed('offthread complete')
    .argument('[words...]')
    .action((words: string[]) => {
      for (const { value, description } of suggestions(program, words)) {
        process.stdout.write(description === '' ? `${value}\n` : `${value}\t${description}\n`);
      }
    });
}

interface Suggestion {
  readonly value: string;
  readonly description: string;
}

/** Completions of the last word. Empty if it can be any text, or a file. */
function suggestions(program: Command, given: readonly string[]): Suggestion[] {
  // Bash splits `--region=eu` into three words.
  const words = given.filter((word, index) => word !== '=' || index === given.length - 1);
  const current = words.at(-1) === '=' ? '' : (words.at(-1) ?? '');
  let command = program;
  let value: Option | undefined;
  for (const word of words.slice(0, -1)) {
    if (value !== undefined) value = undefined;
    else if (word.startsWith('-')) value = word.includes('=') ? undefined : valued(command, word);
    else if (command.commands.length > 0) {
      const next = command.commands.find((each) => each.name() === word);
      if (next === undefined) return [];
      command = next;
    }
  }
  const [name, inline] = /^(--[^=]+)=/.exec(current) ?? [];
  const option = value ?? (inline === undefined ? undefined : valued(command, inline));
  const prefix = value === undefined && name !== undefined ? name : '';
  return candidates(command, option, current)
    .map(([text, description]) => ({ value: prefix + text, description }))
    .filter((each) => each.value.startsWith(current));
}

function candidates(command: Command, option: Option | undefined, current: string): [string, string][] {
  if (option !== undefined) return (option.argChoices ?? []).map((choice) => [choice, '']);
  const help = command.createHelp();
  if (current.startsWith('-')) {
    return help
      .visibleOptions(command)
      .map(({ long, short, description }) => [long ?? short ?? '', description]);
  }
  if (command.commands.length > 0) {
    return help.visibleCommands(command).map((each) => [each.name(), each.description()]);
  }
  return command.registeredArguments.flatMap(({ argChoices = [] }) =>
    argChoices.map((choice) => [choice, ''] as [string, string]),
  );
}

/** The option with that name, if it has a value. */
function valued(command: Command, name: string): Option | undefined {
  return command.options.find(
    (each) => [each.short, each.long].includes(name) && (each.required || each.optional),
  );
}
