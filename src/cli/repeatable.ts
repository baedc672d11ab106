import { type Command, Option } from 'commander';

/**
 * Adds to a command an option that may be given several times. Its value is a list, which is empty if the option is not given.
 * The help text shows no default for it.
 */
export function repeatable(command: Command, flags: string, description: string): Command {
  const option = new Option(flags, `${description} (repeatable)`).argParser(
    (value, previous: readonly string[]): readonly string[] => [...previous, value],
  );
  return command.addOption(option).setOptionValueWithSource(option.attributeName(), [], 'default');
}
