/** The command line. Each command has its own file, and prints results of the folders below. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { rememberHangups } from '../process/signals.js';
import { keepYoungGenerationSmall } from '../process/young-generation.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, type SetExitCode, UsageError } from './exit.js';

type Define = (exit: SetExitCode) => Command;

/** The commands in the order of the help text. Only the command that is named is loaded: all of them take half a second. */
const COMMANDS = new Map<string, () => Promise<Define>>([
  ['serve', async () => (await import('./serve.js')).serveCommand],
  ['routes', async () => (await import('./routes.js')).routesCommand],
  ['check', async () => (await import('./check.js')).checkCommand],
  ['explain', async () => (await import('./explain.js')).explainCommand],
  ['openapi', async () => (await import('./openapi.js')).openapiCommand],
  ['diff', async () => (await import('./diff.js')).diffCommand],
  ['config-schema', async () => (await import('./config-schema.js')).configSchemaCommand],
  ['keygen', async () => (await import('./keygen.js')).keygenCommand],
  ['demo', async () => (await import('./demo.js')).demoCommand],
]);

/** Runs one command. Resolves to its exit code: 0 done or clean, 1 problems or failure, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  if (args[0] === 'serve') {
    // A SIGHUP while the gateway starts is a reload afterwards.
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
  const named = COMMANDS.get(args[0] ?? '');
  for (const load of named === undefined ? COMMANDS.values() : [named]) {
    const define = await load();
    const command = define((code) => {
      exitCode = code;
    });
    command.copyInheritedSettings(program).exitOverride().allowExcessArguments();
    command.showHelpAfterError(`hint: protogate ${command.name()} --help shows its arguments and options`);
    program.addCommand(command);
  }
  program.hook('preAction', (_, command) => requireNoMore(command));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failure(error);
  }
}

/** Returns an error of Commander in the words of all other errors: the flag, what was expected, and what was found. */
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

/** Throws a UsageError that names the first argument too many; Commander would only count the arguments. */
function requireNoMore({ args, registeredArguments, options }: Command): void {
  const more = args[registeredArguments.length];
  if (more === undefined) return;
  const hint = options.some(({ long }) => long === '--protos') ? '; give a folder of protos as --protos DIR' : '';
  throw new UsageError(`unexpected argument '${more}'${hint}`);
}

/**
 * Ends the process when standard output cannot be written: silently if its reader is gone (`| head -1`), with one line of
 * error for other reasons, such as a full disk.
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
