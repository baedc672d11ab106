/** The blocks of docs/configuration.md: a section each, from the JSON Schema of the config and the samples. */
import { parse, stringify } from 'yaml';
import { DURATION_ABOVE_ZERO_PATTERN, DURATION_PATTERN } from '../../src/base/values.js';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.js';
import { CONFIG_SAMPLES } from './config-samples.js';
import { table } from './table.js';

/** The pages that describe what a block is for. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  listen: ['connections.md'],
  admin: ['connections.md#the-admin-port'],
  workers: ['workers.md'],
  schema: ['schema.md'],
  upstreams: ['reliability.md'],
  auth: ['authentication.md'],
  plans: ['rate-limits.md'],
  cors: ['authentication.md'],
  errors: ['errors.md'],
  stores: ['rate-limits.md'],
  cache: ['caching.md'],
  log: ['logs.md'],
  surfaces: ['surfaces.md'],
};

export function configBlocks(): string {
  const { properties = {} } = configJsonSchema();
  return Object.entries(properties)
    .map(([name, schema]) => block(name, schema as JsonSchema))
    .join('\n');
}

/** The values that `samples` have at a path of keys; `*` stands for any name of a record, and `[]` for any element. */
export function valuesAt(samples: readonly string[], path: readonly string[]): readonly unknown[] {
  return path.reduce(
    (values: readonly unknown[], key) =>
      values.flatMap((value) => {
        if (typeof value !== 'object' || value === null) return [];
        if (key === '*' || key === '[]') return Object.values(value);
        return Object.hasOwn(value, key) ? [(value as Record<string, unknown>)[key]] : [];
      }),
    samples.map((sample) => parse(sample) as unknown),
  );
}

function block(name: string, schema: JsonSchema): string {
  const samples = CONFIG_SAMPLES[name] ?? [];
  const fences = samples.map((sample) => `\`\`\`yaml\n${sample}\`\`\`\n`).join('\n');
  const keys = objectIn(schema) === undefined ? facts(schema) : sections([name], schema, samples);
  const more = (MORE[name] ?? []).map((page) => ` See [${page.replace(/#.*/, '')}](${page}).`).join('');
  return `## ${name}\n\n${described([name], schema)}${more}\n\n${fences}\n${keys}`;
}

/** The type and the default of a block that is one value. */
function facts(schema: JsonSchema): string {
  return `- type: ${typeOf(schema)}\n- default: ${schema.const === undefined ? defaultOf(schema) : 'required'}\n`;
}

/** The table of the keys of an object, and a section for each object inside it. */
function sections(path: readonly string[], schema: JsonSchema, samples: readonly string[]): string {
  const { schema: object, path: inside } = objectIn(schema)!;
  const { properties = {}, required = [] } = object;
  const rows: (readonly string[])[] = [];
  const nested: string[] = [];
  for (const [key, value] of Object.entries(properties)) {
    const at = [...path, ...inside, key];
    rows.push(row(at, value as JsonSchema, samples, required.includes(key)));
    const inner = objectIn(value as JsonSchema);
    if (inner === undefined || isCommon(at)) continue;
    // If a text may be written instead of the object, as in `sentinels`, the keys are listed only if a sample has them.
    const keys = Object.keys(inner.schema.properties ?? {});
    if (!keys.some((name) => valuesAt(samples, [...at, ...inner.path, name]).length > 0)) continue;
    nested.push(nestedSection(at, value as JsonSchema, samples));
  }
  return [table(HEAD, rows), ...nested].join('\n');
}

/** True for a block of a surface whose keys are those of the common block with the same name. */
function isCommon([block, ...keys]: readonly string[]): boolean {
  return block === 'surfaces' && Object.hasOwn(configJsonSchema().properties ?? {}, keys.at(-1)!);
}

function nestedSection(path: readonly string[], schema: JsonSchema, samples: readonly string[]): string {
  const keys = sections(path, schema, samples);
  return `### ${shown([...path, ...(objectIn(schema)?.path ?? [])])}\n\n${described(path, schema)}\n\n${keys}`;
}

const HEAD = ['key', 'type', 'default', 'example', 'meaning'];

function row(path: readonly string[], schema: JsonSchema, samples: readonly string[], isRequired: boolean) {
  const examples = valuesAt(samples, path);
  const [example] = examples;
  if (examples.length === 0) throw new Error(`config-samples.ts: expected an example of ${shown(path)}, found none`);
  return [
    `\`${path.at(-1)}\``,
    typeOf(schema),
    isRequired ? 'required' : defaultOf(schema),
    objectIn(schema) !== undefined ? '' : `\`${inline(example)}\``,
    described(path, schema),
  ];
}

function described(path: readonly string[], { description }: JsonSchema): string {
  if (description === undefined) throw new Error(`${shown(path)}: expected a description, found none`);
  return description;
}

/** `['upstreams', '*', 'tls']` → `upstreams.NAME.tls`. */
function shown(path: readonly string[]): string {
  return path
    .map((key) => (key === '*' ? '.NAME' : key === '[]' ? '[]' : `.${key}`))
    .join('')
    .slice(1);
}

/** The object that a schema is, has as its elements, or has under names; and the way to it. */
function objectIn(schema: JsonSchema): { readonly schema: JsonSchema; readonly path: readonly string[] } | undefined {
  const choices = (schema.anyOf ?? []) as JsonSchema[];
  const blocks = choices.filter(({ properties }) => properties !== undefined);
  // If a block has several forms, each form has its own keys, so no key is always required.
  if (blocks.length > 1) {
    return { schema: { properties: Object.assign({}, ...blocks.map(({ properties }) => properties)) }, path: [] };
  }
  for (const one of [schema, ...choices]) {
    if (one.properties !== undefined) return { schema: one, path: [] };
    for (const [key, inner] of [
      ['*', one.additionalProperties],
      ['[]', one.items],
    ] as const) {
      const found = typeof inner === 'object' ? objectIn(inner as JsonSchema) : undefined;
      if (found !== undefined) return { schema: found.schema, path: [key, ...found.path] };
    }
  }
  return undefined;
}

function defaultOf({ default: value }: JsonSchema): string {
  if (value === undefined || (typeof value === 'object' && Object.keys(value as object).length === 0)) return 'none';
  return `\`${inline(value)}\``;
}

/** A value as YAML in one line. */
function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trim();
}

function typeOf(schema: JsonSchema): string {
  const { type, items, const: only, pattern, additionalProperties } = schema;
  const names = schema.enum as readonly string[] | undefined;
  const choices = (schema.anyOf ?? []) as readonly JsonSchema[];
  if (choices.length > 0) {
    if (
      choices.length === 2 &&
      choices[0]?.type === 'string' &&
      choices[1]?.type === 'integer' &&
      choices[0].const === undefined
    )
      return 'size, above 0';
    return [...new Set(choices.map(typeOf))].join(' or ');
  }
  if (only !== undefined) return `\`${String(only)}\``;
  if (names !== undefined) {
    return names.includes('UNAVAILABLE') ? 'gRPC codes' : names.map((name) => `\`${name}\``).join(', ');
  }
  if (pattern === DURATION_PATTERN) return 'duration';
  if (pattern === DURATION_ABOVE_ZERO_PATTERN) return 'duration, above 0';
  if (type === 'array') return `list of ${typeOf(items as JsonSchema).replace(/\b(text|block)\b/g, '$1s')}`;
  if (type === 'object') {
    if (typeof additionalProperties !== 'object') return 'block';
    return objectIn(schema) === undefined ? 'text per name' : 'block per name';
  }
  if (type === 'integer' || type === 'number')
    return `${type === 'integer' ? 'whole number' : 'number'}${range(schema)}`;
  return type === 'boolean' ? '`true`, `false`' : 'text';
}

function range({ type, minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (type === 'number' && typeof exclusiveMinimum === 'number')
    return `, above ${exclusiveMinimum}${most === undefined ? '' : `, at most ${most}`}`;
  const least = minimum ?? (typeof exclusiveMinimum === 'number' ? exclusiveMinimum + 1 : undefined);
  if (least === undefined || most === undefined) return least === undefined ? '' : `, ${least} or more`;
  return `, ${least} to ${most}`;
}
