import { Command, Option } from 'commander';
import { formatMarkdown, formatTable, type RouteRow, routeRows } from '../report/route-map.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode } from './exit.js';
import { hasErrors, planFlags, printDiagnostics, type SchemaFlags, withSchemaOptions } from './schema-options.js';

type Format = 'table' | 'json' | 'markdown';

const FORMATS: Readonly<Record<Format, (rows: readonly RouteRow[]) => string>> = {
  table: formatTable,
  json: formatJson,
  markdown: formatMarkdown,
};

/** The `routes` command prints the list of routes, even if the schema has errors; then the exit code is 1. */
export function routesCommand(exit: SetExitCode): Command {
  return withSchemaOptions(new Command('routes'))
    .addOption(new Option('--format <format>', 'output format').choices(Object.keys(FORMATS)).default('table'))
    .addHelpText('after', '\nExample:\n  protogate routes --protos protos --format json')
    .action(async (flags: SchemaFlags & { format: Format }) => {
      const { plan, diagnostics } = await planFlags(flags);
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      if (plan !== undefined) process.stdout.write(FORMATS[flags.format](routeRows(plan.routes)));
      printDiagnostics(errors);
      exit(hasErrors(errors) ? EXIT_FAILURE : EXIT_OK);
    });
}

/** Returns the rows as a JSON array with one row per line, so that a diff of two outputs shows which routes have changed. */
function formatJson(rows: readonly RouteRow[]): string {
  if (rows.length === 0) return '[]\n';
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}
