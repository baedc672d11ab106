/** The command line of protogate. Each command has a file of its own. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { rememberHangups } from '../process/signals.js';
import { keepYoungGenerationSmall } from '../process/young-generation.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, type SetExitCode, UsageError } from './exit.js';

type Define = (exit: SetExitCode) => Command;

interface ListedCommand {
  readonly name: string;
  /** The options and arguments of the command, as the help text of the program lists them. */
  readonly usage: string;
  readonly description: string;
  readonly load: () => Promise<Define>;
}

/**
 * The commands, in the order of the help text. Only the command that is run is loaded, because loading all of them takes half a
 * second.
 */
const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'serve',
    usage: '[options]',
    description:
      'Runs the gateway until SIGTERM or SIGINT (Ctrl+C), then finishes running requests and ends. SIGHUP reloads config and protos.',
    load: async () => (await import('./serve.js')).serveCommand,
  },
  {
    name: 'routes',
    usage: '[options]',
    description:
      'Prints all routes. If the protos have errors, it prints the routes that can be loaded and exits with 1.',
    load: async () => (await import('./routes.js')).routesCommand,
  },
  {
    name: 'check',
    usage: '[options]',
    description:
      'Loads config and protos as serve does, and reports every problem as FILE:LINE:COL: error|warning: TEXT [rule].',
    load: async () => (await import('./check.js')).checkCommand,
  },
  {
    name: 'explain',
    usage: '[options] <method> <path>',
    description:
      'Explains one request without calling an upstream: the route that matches and why, the request message, the policies, or the exact error.',
    load: async () => (await import('./explain.js')).explainCommand,
  },
  {
    name: 'openapi',
    usage: '[options]',
    description:
      'Prints the OpenAPI 3.1 document. If the protos have errors, it has the routes that can be loaded, and the exit code is 1.',
    load: async () => (await import('./openapi.js')).openapiCommand,
  },
  {
    name: 'diff',
    usage: '[options] <old> <new>',
    description:
      'Compares two versions of an API, and lists the changes that break REST clients. A version is a folder of protos, a descriptor set, a config file (.yaml, .yml, .json), or one of these in git: git:REV:PATH, or git:REV for the path of the other version.',
    load: async () => (await import('./diff.js')).diffCommand,
  },
  {
    name: 'config-schema',
    usage: '',
    description: 'Prints the JSON Schema of the config file, for editors.',
    load: async () => (await import('./config-schema.js')).configSchemaCommand,
  },
  {
    name: 'keygen',
    usage: '[options]',
    description: 'Makes an API key. Prints the key once to stderr, and its entry for keys.yaml to stdout.',
    load: async () => (await import('./keygen.js')).keygenCommand,
  },
  {
    name: 'demo',
    usage: '[options]',
    description:
      'Starts five gRPC services of a small shop and a gateway in front of them, and prints requests to try.',
    load: async () => (await import('./demo.js')).demoCommand,
  },
];

/**
 * Runs one command. Resolves to the exit code: 0 for success, 1 for problems or a failure, 2 for wrong usage, or if `diff`
 * cannot load a version.
 */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  if (args[0] === 'serve') {
    // A SIGHUP that comes while the gateway starts leads to a reload after the start.
    rememberHangups();
    keepYoungGenerationSmall();
  }
  let exitCode = EXIT_OK;
  const program = new Command('protogate')
    .description(
      'An API gateway: it serves the REST/JSON API that the google.api.http annotations of your protos describe, by calling your gRPC services.',
    )
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .showHelpAfterError('hint: protogate --help lists the commands')
    .configureOutput({ outputError: (text, write) => write(plainError(text)) })
    .exitOverride()
    .addHelpText('after', '\nExample:\n  protogate serve --protos protos --upstream 127.0.0.1:50051');
  const setExit = (code: number) => {
    exitCode = code;
  };
  const usages = new Map<Command, string>();
  // The name of the command may come after `help` or `--`.
  const name = args.find((arg) => COMMANDS.some((listed) => listed.name === arg));
  for (const listed of COMMANDS) {
    const command = listed.name === name ? (await listed.load())(setExit) : new Command(listed.name);
    usages.set(command, `${listed.name} ${listed.usage}`.trimEnd());
    command.description(listed.description).copyInheritedSettings(program).exitOverride().allowExcessArguments();
    command.showHelpAfterError(`hint: protogate ${listed.name} --help shows its arguments and options`);
    program.addCommand(command);
  }
  const usageOf = program.createHelp().subcommandTerm;
  program.configureHelp({ subcommandTerm: (command) => usages.get(command) ?? usageOf(command) });
  program.hook('preAction', (_, command) => requireNoMore(command));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failure(error);
  }
}

/** Returns an error text of Commander in the form of our other errors: the flag, what was expected, and what was found. */
function plainError(text: string): string {
  return text
    .replace(
      /^error: missing required argument '(.*)'/,
      (_, name: string) => `error: ${name}: expected a value, got none`,
    )
    .replace(/^error: required option '(--[\w-]+) .*' not specified/, 'error: $1: expected a value, got none')
    .replace(/^error: option '(?:-\w, )?(--[\w-]+) .*' argument missing/, 'error: $1: expected a value, got none')
    .replace(
      /^error: option '(?:-\w, )?(--[\w-]+) .*' argument '(.*)' is invalid\. Allowed choices are (.*)\./,
      "error: $1: expected one of $3, got '$2'",
    )
    .replace(/^error: option '(?:-\w, )?(--[\w-]+) .*' argument '.*' is invalid\. (expected .*)\./, 'error: $1: $2');
}

/** Throws a UsageError that names the first argument that is too many. Commander would only say how many there are. */
function requireNoMore({ args, registeredArguments, options }: Command): void {
  const more = args[registeredArguments.length];
  if (more === undefined) return;
  const hint = options.some(({ long }) => long === '--protos') ? '; give a folder of protos as --protos DIR' : '';
  throw new UsageError(`unexpected argument '${more}'${hint}`);
}

/**
 * Ends the process when standard output cannot be written: without a message if its reader has ended (`| head -1`), and with
 * one line of error for other reasons, such as a full disk.
 */
function watchOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(EXIT_OK);
    process.stderr.write(`error: standard output cannot be written: ${code ?? message}\n`);
    process.exit(EXIT_FAILURE);
  });
  // If standard error cannot be written either, the error cannot be reported.
  process.stderr.on('error', () => {});
}

function failure(error: unknown): number {
  // Commander has already printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${text.split('\n', 1)[0]}\n`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
}

function version(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
