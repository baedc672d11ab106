import { type Command, Option } from 'commander';

/** Adds an option that may be given several times; its value is a list, empty without any (and not a default to show). */
export function repeatable(command: Command, flags: string, description: string): Command {
  const option = new Option(flags, `${description} (repeatable)`).argParser(
    (value, previous: readonly string[]): readonly string[] => [...previous, value],
  );
  return command.addOption(option).setOptionValueWithSource(option.attributeName(), [], 'default');
}
