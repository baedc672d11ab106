import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Command } from 'commander';
import { explain } from '../gateway/explain/explain.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import { repeatable } from './repeatable.js';
import { hasErrors, planFlags, printDiagnostics, type SchemaFlags, withSchemaOptions } from './schema-options.js';

interface ExplainFlags extends SchemaFlags {
  readonly data?: string;
  readonly header: readonly string[];
}

const NO_FILES = 'hint: --data does not read files; give their content as text, such as -d "$(cat body.json)"\n';

/**
 * The `explain` command shows what the gateway would do with one request, without calling an upstream. Its exit code is 1 if
 * the request would be refused.
 */
export function explainCommand(exit: SetExitCode): Command {
  const command = withSchemaOptions(new Command('explain'))
    .argument('<method>', 'the HTTP method, such as GET')
    .argument('[path]', 'the path with the query, such as /v1/shelves/7?page_size=5')
    // Commander is told that the path is optional, so that our own error can say what is missing.
    .usage('[options] <method> <path>')
    .option('-d, --data <body>', 'the request body as text (@FILE is not read)');
  return repeatable(command, '-H, --header <name: value>', 'a request header')
    .addHelpText('after', "\nExample:\n  protogate explain GET '/v1/shelves/7?page_size=5' --protos protos")
    .action(async (method: string, path: string | undefined, flags: ExplainFlags) => {
      const target = requirePath(method, path);
      const { plan, diagnostics } = await planFlags(flags);
      printDiagnostics(diagnostics.filter(({ severity }) => severity === 'error'));
      // If errors leave no route, every request would be a 404, which would hide the errors.
      if (plan === undefined || (hasErrors(diagnostics) && plan.routes.length === 0)) return exit(EXIT_FAILURE);
      const { ok, text } = await explain(plan, {
        method: method.toUpperCase(),
        target,
        body: Buffer.from(flags.data ?? ''),
        rawHeaders: flags.header.flatMap(splitHeader),
      });
      process.stdout.write(text);
      if (!ok && flags.data?.startsWith('@') === true) process.stderr.write(NO_FILES);
      exit(ok ? EXIT_OK : EXIT_FAILURE);
    });
}

/**
 * Returns the path of the request. Throws a UsageError if the method or the path is missing or wrong. The error shows the
 * command that was probably meant, if there is one.
 */
function requirePath(method: string, target: string | undefined): string {
  const instead = pathIn(method);
  if (target === undefined) {
    throw new UsageError(
      instead === undefined
        ? `path: expected a path after the method, got none; for example protogate explain ${method} /v1/shelves/7`
        : `method: expected an HTTP method before the path, got none; did you mean protogate explain GET ${instead}?`,
    );
  }
  if (!target.startsWith('/') && target !== '*') {
    const path = pathIn(target);
    const meant = path !== undefined ? `${method} ${path}` : instead !== undefined ? `${target} ${instead}` : undefined;
    const hint = meant === undefined ? '' : `; did you mean protogate explain ${meant}?`;
    throw new UsageError(`path: expected a path that begins with '/', got '${target}'${hint}`);
  }
  if (instead !== undefined || method === '') {
    throw new UsageError(`method: expected an HTTP method such as GET, got '${method}'`);
  }
  if (target.includes(' ')) throw new UsageError(`path: expected %20 instead of each space, got '${target}'`);
  return target;
}

/**
 * Returns the path that a user probably meant by a path, a URL, or a path without its first slash; undefined for any other
 * text.
 */
function pathIn(text: string): string | undefined {
  const url = /^https?:\/\/[^/]+(?<path>\/.*)?$/.exec(text);
  if (url !== null) return url.groups?.path ?? '/';
  if (!text.includes('/')) return undefined;
  return text.startsWith('/') ? text : `/${text}`;
}

function splitHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new UsageError(`--header: expected 'name: value', got '${text}'`);
  const [name, value] = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    // The value is not shown, because it may be a credential.
    throw new UsageError(
      `--header: expected a name and a value with characters that HTTP allows, got others in '${name}' or its value`,
    );
  }
  return [name, value];
}
