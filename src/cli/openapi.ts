/** The `openapi` command prints the OpenAPI document of the API, or TypeScript types that are made from it. */
import { once } from 'node:events';
import { Command, Option } from 'commander';
import { listed } from '../base/listed.js';
import { type Api, apisOf } from '../openapi/api.js';
import { documentedServices, documentParts } from '../openapi/document.js';
import { typescriptOf } from '../openapi/typescript.js';
import { type WriteDocument, writeJson, writeYaml } from '../openapi/write.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode, UsageError } from './exit.js';
import { hasErrors, planFlags, printDiagnostics, type SchemaFlags, withSchemaOptions } from './schema-options.js';

type Format = 'json' | 'yaml';

const WRITERS: Readonly<Record<Format, WriteDocument>> = { json: writeJson, yaml: writeYaml };

interface OpenapiFlags extends SchemaFlags {
  readonly format: Format;
  readonly service?: string;
  readonly typescript?: boolean;
}

/** Prints the document, even if the schema has errors; then the exit code is 1. */
export function openapiCommand(exit: SetExitCode): Command {
  return withSchemaOptions(new Command('openapi'))
    .addOption(new Option('--format <format>', 'output format').choices(Object.keys(WRITERS)).default('json'))
    .option('--service <name>', 'only the operations of this service, such as shop.v1.Orders')
    .option('--surface <name>', 'the surface; needed if the config has several')
    .option('--typescript', 'print TypeScript types instead; needs the packages openapi-typescript and typescript 5')
    .addHelpText('after', '\nExample:\n  protogate openapi --protos protos --format yaml')
    .action(async (flags: OpenapiFlags) => {
      const { plan, diagnostics } = await planFlags(flags);
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      if (plan !== undefined) await print(onlyOf(apisOf(plan)), flags);
      printDiagnostics(errors);
      exit(hasErrors(errors) ? EXIT_FAILURE : EXIT_OK);
    });
}

/** Returns the surface whose document is printed. With `--surface`, the plan has only this one. */
function onlyOf(apis: readonly Api[]): Api {
  const [api] = apis;
  if (api !== undefined && apis.length === 1) return api;
  throw new UsageError(`--surface: expected one of ${listed(apis.map(({ name }) => name))}, got none`);
}

async function print(api: Api, { format, service, typescript }: OpenapiFlags): Promise<void> {
  const services = documentedServices(api);
  if (service !== undefined && !services.includes(service))
    throw new UsageError(`--service: expected one of ${listed(services)}, got '${service}'`);
  const parts = documentParts(api, service);
  const pieces = typescript === true ? [await typescriptOf(parts)] : WRITERS[format](parts);
  for (const piece of pieces) {
    // If the reader is slow, writing pauses, so that the document does not wait in memory.
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
  }
}
