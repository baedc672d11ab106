import { Command } from 'commander';
import { configJsonSchema } from '../config/json-schema.js';
import { EXIT_OK, type SetExitCode } from './exit.js';

/** The `config-schema` command prints the JSON Schema of the config file. */
export function configSchemaCommand(exit: SetExitCode): Command {
  return new Command('config-schema')
    .addHelpText(
      'after',
      '\nExample:\n  protogate config-schema > protogate.schema.json\n  # first line of protogate.yaml: # yaml-language-server: $schema=protogate.schema.json',
    )
    .action(() => {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
      exit(EXIT_OK);
    });
}
