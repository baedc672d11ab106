/** The flags that name the schema. All commands that load a schema share them. */
import type { Command } from 'commander';
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.js';
import type { Config } from '../config/config.js';
import { loadConfig } from '../config/load.js';
import { applyOverrides, overrideSchema, type SchemaOverrides } from '../config/overrides.js';
import type { PlaceOf } from '../config/restart.js';
import { type Plan, plan, protoProblems } from '../gateway/plan.js';
import { hintsFor } from '../report/hints.js';
import { UsageError } from './exit.js';
import { progressLine } from './progress.js';
import { repeatable } from './repeatable.js';

export interface SchemaFlags {
  readonly config?: string;
  readonly protos: readonly string[];
  readonly import: readonly string[];
  readonly descriptorSet: readonly string[];
  readonly upstream: readonly string[];
  readonly autoRoutes?: boolean;
  readonly host?: string;
  readonly port?: number;
  readonly adminHost?: string;
  readonly adminPort?: number;
  readonly workers?: number | 'auto';
  readonly watch?: boolean;
  readonly surface?: string;
}

/** The end of the description of `--upstream` in the help text. */
export const UPSTREAM_NAMES =
  'NAME= replaces the target of a configured upstream; SELECTOR= (such as shop.v1.*) adds an upstream for these services; without either, it serves all other services';

/** Adds the options `--config`, `--protos`, `--import`, `--descriptor-set`, `--upstream` and `--auto-routes` to a command. */
export function withSchemaOptions(
  command: Command,
  upstream = `a gRPC server, HOST:PORT, which is not called here; ${UPSTREAM_NAMES}`,
): Command {
  command.option('-c, --config <file>', 'the config file (YAML); paths in it are relative to the file');
  repeatable(
    command,
    '--protos <dir>',
    'a folder of protos and root of their imports; every .proto below it is loaded',
  );
  repeatable(command, '--import <dir>', 'a folder that is searched for imports; its services get no routes');
  repeatable(command, '--descriptor-set <file>', 'a FileDescriptorSet with its imports, as buf build -o writes it');
  repeatable(command, '--upstream <[name|selector=]target>', upstream);
  return command.option('--auto-routes', 'add the route POST /pkg.Service/Method for each method without a rule');
}

export interface Loaded {
  /** The config with the flags applied; undefined when it has errors. */
  readonly config: Config | undefined;
  /** The block `schema` of the config; undefined when errors prevent reading it. */
  readonly schema: Config['schema'] | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Returns the position of a key in the config file. */
  readonly placeOf: PlaceOf;
  /** The paths of the files that were read: the config file, and those in `${file:PATH}`. */
  readonly configFiles: readonly string[];
  /** The digest of the config file; undefined if there is none. */
  readonly configHash: string | undefined;
}

const NO_SCHEMA: Config['schema'] = {
  protos: [],
  imports: [],
  descriptorSets: [],
  exclude: [],
  httpRules: [],
  watch: false,
  autoRoutes: [],
};

/**
 * Loads the config file and applies the flags to it. Throws a UsageError if neither of them names a schema, or if a flag is
 * invalid.
 */
export async function loadFlags(flags: SchemaFlags): Promise<Loaded> {
  requirePaths(flags);
  const loaded = await loadConfig(flags.config, process.env, process.cwd());
  const { config, schema, diagnostics, hash: configHash, files: configFiles = [] } = loaded;
  const placeOf = loaded.placeOf ?? (() => ({ file: flags.config ?? 'flags' }));
  if (config === undefined) return { config, schema, diagnostics, placeOf, configFiles, configHash };
  const merged = applyOverrides(config, {
    ...schemaOverrides(flags),
    upstreams: flags.upstream,
    ...(flags.host === undefined ? {} : { host: flags.host }),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.adminHost === undefined ? {} : { adminHost: flags.adminHost }),
    ...(flags.adminPort === undefined ? {} : { adminPort: flags.adminPort }),
    ...(flags.workers === undefined ? {} : { workers: flags.workers }),
    ...(flags.watch === undefined ? {} : { watch: flags.watch }),
    ...(flags.surface === undefined ? {} : { surface: flags.surface }),
  });
  const [wrong] = merged.diagnostics;
  if (wrong !== undefined) throw new UsageError(`${wrong.position.file}: ${wrong.text}`);
  const { protos, descriptorSets } = merged.config.schema;
  if (protos.length === 0 && descriptorSets.length === 0) {
    throw new UsageError(
      'no schema is given; give --protos DIR, --descriptor-set FILE, or --config FILE with a schema block',
    );
  }
  return { config: merged.config, schema: merged.config.schema, diagnostics, placeOf, configFiles, configHash };
}

/** Throws a UsageError for an empty path, which a script passes if its variable is not set. */
function requirePaths({ config, protos, import: imports, descriptorSet }: SchemaFlags): void {
  const given = { config: [config], protos, import: imports, 'descriptor-set': descriptorSet };
  for (const [flag, paths] of Object.entries(given)) {
    if (paths.includes('')) throw new UsageError(`--${flag}: expected a path, got ''`);
  }
}

function schemaOverrides(flags: SchemaFlags): SchemaOverrides {
  return {
    protos: flags.protos,
    imports: flags.import,
    descriptorSets: flags.descriptorSet,
    ...(flags.autoRoutes === undefined ? {} : { autoRoutes: flags.autoRoutes }),
  };
}

export interface Planned extends Pick<Loaded, 'diagnostics' | 'placeOf' | 'configFiles' | 'configHash'> {
  /** The plan. Undefined when the config has errors. */
  readonly plan: Plan | undefined;
}

/**
 * Loads the config and makes the plan, and shows the progress on a terminal. The diagnostics of the config come first. If the
 * config has errors, those protos that are known are checked nevertheless.
 */
export async function planFlags(flags: SchemaFlags): Promise<Planned> {
  const { config, schema, diagnostics, ...rest } = await loadFlags(flags);
  const progress = progressLine('loading protos');
  const onProgress = progress.update;
  if (config === undefined) {
    const sources = overrideSchema(schema ?? NO_SCHEMA, schemaOverrides(flags));
    const ofProtos = protoProblems(sources, schema !== undefined, { onProgress });
    progress.done();
    return { plan: undefined, diagnostics: [...diagnostics, ...ofProtos], ...rest };
  }
  const planned = await plan(config, { onProgress, configFile: configName(flags) });
  progress.done();
  return { plan: planned, diagnostics: [...diagnostics, ...planned.diagnostics], ...rest };
}

/** Returns the place of diagnostics without a line: the path of the config file, or else the first flag that names a schema. */
export function configName(flags: SchemaFlags): string {
  return flags.config ?? schemaFlag(flags);
}

/** Returns the first flag that names a schema, with its value. */
function schemaFlag({ protos: [folder], descriptorSet: [set] }: SchemaFlags): string {
  return folder === undefined ? `--descriptor-set ${set}` : `--protos ${folder}`;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === 'error');
}

/** Prints each diagnostic on a line of its own, followed by hints about them. */
export function printDiagnostics(
  diagnostics: readonly Diagnostic[],
  output: { write(line: string): unknown } = process.stderr,
): void {
  for (const diagnostic of diagnostics) output.write(`${formatDiagnostic(diagnostic)}\n`);
  printHints(diagnostics, output);
}

export function printHints(
  diagnostics: readonly Diagnostic[],
  output: { write(line: string): unknown } = process.stderr,
): void {
  for (const hint of hintsFor(diagnostics)) output.write(`${hint}\n`);
}
