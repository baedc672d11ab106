/** The command line. Each command has its own file, and prints results of the folders below. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check.js';
import { configSchemaCommand } from './config-schema.js';
import { demoCommand } from './demo.js';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, UsageError } from './exit.js';
import { explainCommand } from './explain.js';
import { keygenCommand } from './keygen.js';
import { routesCommand } from './routes.js';
import { serveCommand } from './serve.js';

/** Runs one command. Resolves to its exit code: 0 done or clean, 1 problems or failure, 2 wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  let exitCode = EXIT_OK;
  const program = new Command('protogate')
    .description(
      'An API gateway: it serves the REST/JSON API that the google.api.http annotations of your protos describe, by calling your gRPC services.',
    )
    .version(version(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', '\nExample:\n  protogate serve --protos protos --upstream 127.0.0.1:50051');
  for (const define of [
    serveCommand,
    routesCommand,
    checkCommand,
    explainCommand,
    configSchemaCommand,
    keygenCommand,
    demoCommand,
  ]) {
    const command = define((code) => {
      exitCode = code;
    });
    program.addCommand(command.exitOverride().showSuggestionAfterError().allowExcessArguments());
  }
  program.hook('preAction', (_, command) => requireNoMore(command));
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failure(error);
  }
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
