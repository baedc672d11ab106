import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { type Diagnostic, errorAt, formatDiagnostic } from '../base/diagnostic.js';
import { MOST_WORKERS } from '../base/values.js';
import type { Config } from '../config/config.js';
import type { Plan } from '../gateway/plan.js';
import type { ConfigSource, ReadConfig } from '../process/reloads.js';
import type { RunningServer } from '../process/run-server.js';
import { keepYoungGenerationSmall, letYoungGenerationGrow } from '../process/young-generation.js';
import { countRoutes, routeRows } from '../report/route-map.js';
import { standardError, standardOutput } from '../telemetry/output.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import { parsePort } from './port.js';
import {
  configName,
  hasErrors,
  loadFlags,
  planFlags,
  printDiagnostics,
  type SchemaFlags,
  UPSTREAM_NAMES,
  withSchemaOptions,
} from './schema-options.js';

/** The `serve` command runs the gateway until SIGTERM or SIGINT, then drains it. SIGHUP reloads config and protos. */
export function serveCommand(exit: SetExitCode): Command {
  return withSchemaOptions(new Command('serve'), `a gRPC server, HOST:PORT; ${UPSTREAM_NAMES}`)
    .option('--host <address>', 'address on which to listen (default: 127.0.0.1)')
    .option('--port <number>', 'port on which to listen; 0 takes a free one (default: 8080)', parsePort)
    .option(
      '--admin-host <address>',
      'address of the admin port, which has health, metrics, the list of routes and the API documents (default: 127.0.0.1)',
    )
    .option('--admin-port <number>', 'number of the admin port; 0 takes a free one (default: 9901)', parsePort)
    .option('--workers <number>', 'number of processes that serve, or auto for one per core (default: 1)', parseWorkers)
    .option('--surface <name>', 'serve only this surface of the config, and open only the upstreams that it calls')
    .option('--watch', 'reload when the config, a proto or another file that was read has changed')
    .addHelpText('after', '\nExample:\n  protogate serve --protos protos --upstream 127.0.0.1:50051')
    .action(async (flags: SchemaFlags) => {
      const readAtMs = Date.now();
      letYoungGenerationGrow();
      const { plan, diagnostics, configFiles, configHash } = await planFlags(flags);
      const isRefused = plan === undefined || hasErrors(diagnostics);
      if (isRefused) {
        printDiagnostics(diagnostics);
        process.stderr.write(
          'error: the gateway does not start because of the errors above; correct them, and run protogate check to see them again\n',
        );
        return exit(EXIT_FAILURE);
      }
      if (diagnostics.length > 0) await warn(diagnostics, plan.config.log);
      if (plan.config.upstreams.size === 0) {
        throw new UsageError(
          'no upstream is given; give --upstream HOST:PORT, or --config FILE with an upstreams block',
        );
      }
      const source = { configFile: configName(flags), configFiles, readAtMs, configHash, read: () => loadAgain(flags) };
      const server = await run(plan, source);
      const served = routeRows(plan.surfaces.flatMap(({ offered }) => offered));
      standardOutput.write(`listening on ${server.url}: ${countRoutes(served)}\n`);
      await server.stopped;
      exit(EXIT_OK);
    });
}

/** Prints the warnings. If the log is JSON, they are lines of the log, because programs read it. */
async function warn(diagnostics: readonly Diagnostic[], settings: Config['log']): Promise<void> {
  const { createLog, defaultFormat } = await load(() => import('../telemetry/log.js'));
  if ((settings.format ?? defaultFormat()) === 'text') return printDiagnostics(diagnostics, standardError);
  const log = createLog({ ...settings, audit: undefined });
  for (const one of diagnostics) {
    log.warn({ problem: formatDiagnostic(one) }, 'warning about the config or the protos');
  }
}

/** Reads the config for a reload. Flags that no longer fit the config file are errors like others. */
async function loadAgain(flags: SchemaFlags): Promise<ReadConfig> {
  try {
    return await loadFlags(flags);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const position = { file: configName(flags) };
    const diagnostics = [errorAt(position, 'flag', error.message)];
    return { config: undefined, diagnostics, placeOf: () => position, configFiles: [], configHash: undefined };
  }
}

/** Starts the server. It is imported here, so that the other commands do not load it and start in half the time. */
async function run(plan: Plan, source: ConfigSource): Promise<RunningServer> {
  const { workers } = plan.config;
  const count = workers === 'auto' ? availableParallelism() : workers;
  if (count > 1) return (await load(() => import('../process/workers.js'))).runWorkers(plan, count, source);
  return (await load(() => import('../process/run-server.js'))).runServer(plan, { source });
}

/** Loads modules while V8's young generation is kept small, so that loading them takes less memory. */
async function load<Module>(modules: () => Promise<Module>): Promise<Module> {
  keepYoungGenerationSmall();
  const loaded = await modules();
  letYoungGenerationGrow();
  return loaded;
}

function parseWorkers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new InvalidArgumentError(`expected 1 to ${MOST_WORKERS} or auto, got '${text}'.`);
}
