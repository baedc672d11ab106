/**
 * Compares our OpenAPI documents of grpc-gateway's own examples with those that its generator (protoc-gen-openapiv2) has
 * made of them. Both come from the Go module proxy: the module has the protos and the documents. Each difference has a kind,
 * which docs/openapi.md explains; a difference of no known kind fails.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { escaped } from '../../src/base/escaped.js';
import { parseConfig } from '../../src/config/parse.js';
import { plan } from '../../src/gateway/plan.js';
import { apisOf } from '../../src/openapi/api.js';
import { textOf } from '../openapi/support.js';

const MODULE = 'github.com/grpc-ecosystem/grpc-gateway/v2@v2.33.0';
/** The examples that are generated without further options. */
const EXAMPLES = [
  'a_bit_of_everything',
  'camel_case_service',
  'echo_service',
  'excess_body',
  'flow_combination',
  'non_standard_names',
  'response_body_service',
  'stream',
  'wrappers',
];

/** Rules that the gateway refuses: a repeated field in the path, and a body inside of a message. */
const REFUSED: ReadonlySet<string> = new Set([
  'ABitOfEverythingService_GetRepeatedQuery',
  'ABitOfEverythingService_CreateNestedBodyOneof',
]);

type Members = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly name: string;
  readonly in: string;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter & { readonly $ref?: string })[];
  readonly requestBody?: Members;
  readonly responses: Members;
}

/** Returns the names of the fields of a schema. Undefined when it is no object of fields. */
type FieldsOf = (schema: Schema | undefined) => readonly string[] | undefined;

type Schema = Members & {
  readonly $ref?: string;
  readonly properties?: Members;
  readonly type?: unknown;
  readonly items?: Schema;
};

interface Found extends Operation {
  readonly answers: FieldsOf;
  readonly method: string;
  readonly path: string;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly components?: { readonly schemas: Readonly<Record<string, Schema>> };
}

function operationsIn(document: Document): Found[] {
  const schemas = document.definitions ?? document.components?.schemas ?? {};
  const answers: FieldsOf = (schema) => {
    const found = schema?.$ref === undefined ? schema : schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)];
    return found?.properties === undefined ? undefined : Object.keys(found.properties);
  };
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      operation.operationId === undefined ? [] : [{ ...operation, method, path, answers }],
    ),
  );
}

/** Returns the id that grpc-gateway gives to one of our operations: `pkg.Echo.Get-2` is `Echo_Get2`. */
function theirId({ operationId }: Operation): string {
  const [, service = '', method = '', number = ''] = /([^.]+)\.([^.-]+)(?:-(\d+))?$/.exec(operationId) ?? [];
  return `${service}_${method}${number}`;
}

const SHAPE = /\{[^}]*\}/g;
const SEVERAL = /\/\{([^}]*)\}/;

/** Returns the kinds of the differences between two operations. */
function differencesOf(ours: Found, theirs: Found): readonly string[] {
  const kinds: string[] = [];
  if (ours.method !== theirs.method) kinds.push(`method: ${ours.method}, theirs ${theirs.method}`);
  if (ours.path !== theirs.path) {
    const same = ours.path.replace(SHAPE, '{}') === theirs.path.replace(SHAPE, '{}');
    if (same) kinds.push('path-names');
    else if (SEVERAL.test(theirs.path) && isSplit(ours.path, theirs.path)) kinds.push('path-split');
    else kinds.push(`path: ${ours.path}, theirs ${theirs.path}`);
  }
  const names = (operation: Found, place: string) =>
    (operation.parameters ?? []).filter((one) => one.in === place).map(({ name }) => name.replace(/\[.*$/, ''));
  const [mine, other] = [new Set(names(ours, 'query')), new Set(names(theirs, 'query'))];
  for (const name of other) if (!mine.has(name)) kinds.push(lessKind(name, names(ours, 'path')));
  for (const name of mine) if (!other.has(name)) kinds.push(moreKind(name, names(theirs, 'path')));
  const theirBody = names(theirs, 'body').length > 0;
  if (theirBody !== (ours.requestBody !== undefined)) kinds.push(theirBody ? 'body-less' : 'body-more');
  kinds.push(...schemaKinds('answer', answerOf(ours), answerOf(theirs), ours.answers, theirs.answers));
  kinds.push(...schemaKinds('body', bodyOf(ours), bodyOf(theirs), ours.answers, theirs.answers));
  const extra = Object.keys(theirs.responses).filter((status) => !(status in ours.responses));
  if (extra.length > 0) kinds.push('responses-by-option');
  if (Object.keys(ours.responses).some((status) => !(status in theirs.responses))) kinds.push('responses-by-reason');
  return kinds;
}

/** Returns the schema of the successful answer. */
function answerOf({ responses }: Operation): Schema | undefined {
  const success = (responses['200'] ?? {}) as {
    schema?: Schema;
    content?: Readonly<Record<string, { schema: Schema }>>;
  };
  return success.schema ?? success.content?.['application/json']?.schema;
}

function bodyOf({ parameters = [], requestBody }: Operation): Schema | undefined {
  const { content } = (requestBody ?? {}) as { content?: Readonly<Record<string, { schema: Schema }>> };
  const theirs = parameters.find((one) => one.in === 'body') as { schema?: Schema } | undefined;
  return content?.['application/json']?.schema ?? theirs?.schema;
}

/** Returns the kinds of the differences between the fields of two schemas. */
function schemaKinds(
  what: 'answer' | 'body',
  ours: Schema | undefined,
  theirs: Schema | undefined,
  fieldsOfOurs: FieldsOf,
  fieldsOfTheirs: FieldsOf,
): readonly string[] {
  const mine = fieldsOfOurs(ours);
  const other = fieldsOfTheirs(theirs);
  if (ours?.type === 'array' && other?.join() === 'result,error') return ['answer-stream'];
  if (ours?.type === 'array' && theirs?.type !== 'array') return [`${what}-stream`];
  if (mine === undefined || other === undefined) return [];
  const kinds = new Set<string>();
  for (const name of other) if (!mine.includes(name)) kinds.add(fieldKind(what, name, 'theirs'));
  for (const name of mine) if (!other.includes(name)) kinds.add(fieldKind(what, name, 'ours'));
  return [...kinds];
}

function fieldKind(what: 'answer' | 'body', name: string, whose: 'ours' | 'theirs'): string {
  if (name.startsWith('outputOnly') && what === 'body') return 'body-output-only';
  return `${what}: ${name} is only in ${whose}`;
}

/** Returns the kind of a query parameter that only theirs has. */
function lessKind(name: string, variables: readonly string[]): string {
  if (/empty$/i.test(name)) return 'query-empty';
  const around = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')));
  if (around(name) !== '' && variables.some((variable) => around(variable) === around(name))) return 'query-oneof';
  return name.startsWith('outputOnly') ? 'query-output-only' : `query: ${name} is missing`;
}

/** Returns the kind of a query parameter that only ours has. */
function moreKind(name: string, variables: readonly string[]): string {
  if (name === 'updateMask') return 'query-update-mask';
  const last = (path: string) => path.split('.').at(-1);
  const isAlike = variables.some((variable) => variable !== name && last(variable) === last(name));
  return isAlike ? 'query-same-name' : `query: ${name} is only in ours`;
}

/** True if our path has more segments in place of a variable of theirs. */
function isSplit(ours: string, theirs: string): boolean {
  const expression = theirs.split(SHAPE).map(escaped);
  return new RegExp(`^${expression.join('.+')}$`).test(ours);
}

/** Prints the kinds with their counts. Returns false if there is a difference of no known kind. `parent` is a folder for the module. */
export async function compareWithGenerator(parent: string): Promise<boolean> {
  const folder = join(parent, 'go');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'go.mod'), 'module compare\n\ngo 1.21\n');
  const printed = execFileSync('go', ['mod', 'download', '-json', MODULE], { cwd: folder, encoding: 'utf8' });
  const { Dir: root } = JSON.parse(printed) as { Dir: string };
  const counts = new Map<string, number>();
  const count = (kind: string) => counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const unknown: string[] = [];
  let compared = 0;
  for (const example of EXAMPLES) {
    const name = `examples/internal/proto/examplepb/${example}`;
    const theirs = operationsIn(JSON.parse(readFileSync(join(root, `${name}.swagger.json`), 'utf8')));
    const { config } = parseConfig({ version: 1, schema: { protos: [root] } });
    const planned = await plan(config!);
    const file = `${name}.proto`;
    const [api] = apisOf(planned);
    const routes = api!.routes.filter(({ binding }) => binding.method.service.file === file);
    const text = textOf({ ...api!, routes });
    const ours = new Map(operationsIn(JSON.parse(text)).map((one) => [theirId(one), one]));
    for (const their of theirs) {
      const our = ours.get(their.operationId);
      ours.delete(their.operationId);
      compared++;
      if (our === undefined && REFUSED.has(their.operationId)) count('refused');
      else if (our === undefined) {
        unknown.push(`${example}: ${their.operationId} ${their.method} ${their.path} is not in ours`);
      }
      for (const kind of our === undefined ? [] : differencesOf(our, their)) {
        count(kind);
        if (/[ :]/.test(kind)) unknown.push(`${example}: ${their.operationId}: ${kind}`);
      }
    }
    for (const [id, { method, path }] of ours) {
      if (method === 'trace') count('trace');
      else unknown.push(`${example}: ${id} ${method} ${path} is only in ours`);
    }
  }
  console.log(`${compared} operations of ${EXAMPLES.length} examples of ${MODULE} are compared`);
  for (const [kind, count] of [...counts].sort()) if (!/[ :]/.test(kind)) console.log(`  ${kind}: ${count}`);
  for (const text of unknown) console.log(`  ${text}`);
  return unknown.length === 0;
}
