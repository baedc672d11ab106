import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { MOST_WORKERS } from '../base/values.js';
import type { Plan } from '../gateway/plan.js';
import type { RunningServer } from '../process/run-server.js';
import { countRoutes, routeRows } from '../report/route-map.js';
import { standardError, standardOutput } from '../telemetry/output.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import { parsePort } from './port.js';
import {
  hasErrors,
  planFlags,
  printDiagnostics,
  type SchemaFlags,
  UPSTREAM_NAMES,
  withSchemaOptions,
} from './schema-options.js';

/** The `serve` command runs the gateway until SIGTERM, SIGINT or SIGHUP, then drains it. */
export function serveCommand(exit: SetExitCode): Command {
  return withSchemaOptions(new Command('serve'), `a gRPC server, HOST:PORT; ${UPSTREAM_NAMES}`)
    .description('Runs the gateway until SIGTERM, SIGINT (Ctrl+C) or SIGHUP, then finishes running requests and ends.')
    .option('--host <address>', 'address on which to listen (default: 127.0.0.1)')
    .option('--port <number>', 'port on which to listen; 0 takes a free one (default: 8080)', parsePort)
    .option('--admin-host <address>', 'address of health, metrics and the route map (default: 127.0.0.1)')
    .option('--admin-port <number>', 'port of health, metrics and the route map (default: 9901)', parsePort)
    .option('--workers <number>', 'number of processes that serve, or auto for one per core (default: 1)', parseWorkers)
    .addHelpText('after', '\nExample:\n  protogate serve --protos protos --upstream 127.0.0.1:50051')
    .action(async (flags: SchemaFlags) => {
      const { plan, diagnostics } = await planFlags(flags);
      const isRefused = plan === undefined || hasErrors(diagnostics);
      printDiagnostics(diagnostics, isRefused ? process.stderr : standardError);
      if (isRefused) {
        process.stderr.write(
          'error: the gateway does not start because of the errors above; correct them, and run protogate check to see them again\n',
        );
        return exit(EXIT_FAILURE);
      }
      if (plan.config.upstreams.size === 0) {
        throw new UsageError(
          'no upstream is given; give --upstream HOST:PORT, or --config FILE with an upstreams block',
        );
      }
      const server = await run(plan);
      const served = routeRows(plan.routes).filter(
        ({ upstream, aggregate }) => upstream !== null || aggregate !== undefined,
      );
      standardOutput.write(`listening on ${server.url}: ${countRoutes(served)}\n`);
      await server.stopped;
      exit(EXIT_OK);
    });
}

/** Starts the server. It is imported here, so that the other commands do not load it and start in half the time. */
async function run(plan: Plan): Promise<RunningServer> {
  const { workers } = plan.config;
  const count = workers === 'auto' ? availableParallelism() : workers;
  if (count > 1) return (await import('../process/workers.js')).runWorkers(plan, count);
  return (await import('../process/run-server.js')).runServer(plan);
}

function parseWorkers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new InvalidArgumentError(`expected 1 to ${MOST_WORKERS} or auto, got '${text}'.`);
}
