import { Command, Option } from 'commander';
import { type Diagnostic, errorAt, formatDiagnostic } from '../base/diagnostic.js';
import { type PlaceOf, restartProblems } from '../config/restart.js';
import type { ConnectResult } from '../gateway/connect-check.js';
import type { Plan } from '../gateway/plan.js';
import { describePlan } from '../report/plan-tree.js';
import { countRoutes, routeRows } from '../report/route-map.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import {
  hasErrors,
  loadFlags,
  type Planned,
  planFlags,
  printHints,
  type SchemaFlags,
  withSchemaOptions,
} from './schema-options.js';

export interface CheckedFlags extends SchemaFlags {
  /** The config file of the running gateway that would reload (`--against`). */
  readonly against?: string;
}

interface CheckFlags extends CheckedFlags {
  readonly format: 'text' | 'json';
  readonly strict?: boolean;
  readonly connect?: boolean;
}

/** The `check` command loads everything as `serve` would and reports every problem. */
export function checkCommand(exit: SetExitCode): Command {
  return withSchemaOptions(new Command('check'))
    .addOption(new Option('--format <format>', 'output format').choices(['text', 'json']).default('text'))
    .option('--strict', 'exit with 1 on warnings too, not only on errors')
    .option('--against <file>', 'also report each changed setting for which a gateway with this config needs a restart')
    .option('--connect', 'also connect to every server of every upstream, and report those that do not answer')
    .addHelpText('after', '\nExample:\n  protogate check --protos protos --strict')
    .action(async (flags: CheckFlags) => {
      const { plan, diagnostics: found } = await checkFlags(flags);
      if (flags.connect === true && plan?.config.upstreams.size === 0) {
        throw new UsageError('--connect: expected an upstream to connect to, got none; give --upstream HOST:PORT');
      }
      const isConnecting = flags.connect === true && plan !== undefined && !hasErrors(found);
      const connected = isConnecting ? await connect(plan) : { diagnostics: [], answers: [] };
      const diagnostics = [...found, ...connected.diagnostics];
      process.stdout.write(flags.format === 'json' ? formatJson(diagnostics) : formatText(diagnostics));
      const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
      const warnings = diagnostics.length - errors;
      for (const { method, ...one } of plan?.aggregates ?? []) {
        process.stderr.write(`aggregate ${method.fullName}: ${describePlan({ method, ...one })}\n`);
      }
      printHints(diagnostics);
      for (const line of connected.answers) process.stderr.write(`${line}\n`);
      const routes = plan === undefined ? '' : `${countRoutes(routeRows(plan.routes))}, ${unrouted(plan)}`;
      process.stderr.write(`${routes}${plural(errors, 'error')}, ${plural(warnings, 'warning')}\n`);
      exit(errors > 0 || (flags.strict === true && warnings > 0) ? EXIT_FAILURE : EXIT_OK);
    });
}

/** Connects to the upstreams. The code is loaded here, so that `check` without `--connect` starts faster. */
async function connect({ config }: Plan): Promise<ConnectResult> {
  return (await import('../gateway/connect-check.js')).connectToAll(config);
}

/** Returns the plan, if the config allows one, and all problems that `check` reports. */
export async function checkFlags(flags: CheckedFlags): Promise<Planned> {
  const { plan, diagnostics, ...rest } = await planFlags(flags);
  const restarts = plan === undefined ? [] : await restartsNeeded(flags, plan, rest.placeOf);
  return { plan, diagnostics: [...diagnostics, ...upstreamsMissing(flags, plan), ...restarts], ...rest };
}

/** Returns an error for each setting that differs from the config of `--against` and that a reload cannot change. */
async function restartsNeeded(flags: CheckedFlags, plan: Plan, placeOf: PlaceOf): Promise<readonly Diagnostic[]> {
  const { against } = flags;
  if (against === undefined) return [];
  if (flags.config === undefined) throw new UsageError('--against: expected --config FILE as well, got none');
  const { config, diagnostics } = await loadFlags({ ...flags, config: against });
  const [first] = diagnostics.filter(({ severity }) => severity === 'error');
  if (first !== undefined)
    throw new UsageError(`--against: expected a config without errors: ${formatDiagnostic(first)}`);
  return config === undefined ? [] : restartProblems(config, plan.config, placeOf);
}

/** Returns a text with the number of rpcs that have no HTTP rule. Without it, nothing would show that an rpc has no route. */
function unrouted({ registry, routes }: Plan): string {
  const routed = new Set(routes.map(({ binding }) => binding.method));
  const without = registry.services
    .flatMap(({ methods }) => methods)
    .filter((method) => method.routing === 'routed' && method.httpRule === undefined && !routed.has(method));
  if (without.length === 0) return '';
  const names = without.length > MAX_NAMED ? '' : ` (${without.map(({ fullName }) => fullName).join(', ')})`;
  return `${plural(without.length, 'rpc')} without a route${names}, `;
}

/** The most rpcs without a route that the text names, so that the line stays short. */
const MAX_NAMED = 3;

/**
 * Returns the error that `serve` would report for a config without upstreams. If only protos are given, there is no error,
 * because their servers may not exist yet.
 */
function upstreamsMissing({ config }: SchemaFlags, plan: Plan | undefined): readonly Diagnostic[] {
  if (config === undefined || plan === undefined || plan.config.upstreams.size > 0) return [];
  return [
    errorAt({ file: config }, 'no-upstreams', 'upstreams: expected at least one, got none, so serve would not start'),
  ];
}

function formatText(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join('');
}

function formatJson(diagnostics: readonly Diagnostic[]): string {
  const rows = diagnostics.map(({ severity, rule, text, position }) => ({ ...position, severity, rule, text }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
