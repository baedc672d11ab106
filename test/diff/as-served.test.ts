/**
 * The gateway does what `diff` says about a change. Requests of old clients run through the gateway of the new
 * version, without an upstream; answers of both versions are written by the codec and compared. Changes that
 * only services notice are left out: REQUIRED fields, values that are new, and the policies, which have tests of their own.
 */
import test from 'ava';
import { sideOf } from '../../src/cli/diff-side.js';
import { createCodecs } from '../../src/codec/codec.js';
import { parseConfig } from '../../src/config/parse.js';
import { diff } from '../../src/diff/diff.js';
import type { Finding } from '../../src/diff/finding.js';
import { explain } from '../../src/gateway/explain/explain.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import type { Binding } from '../../src/routing/binding.js';
import { givesRawBody } from '../../src/routing/is-http-body.js';
import type { EnumDescriptor, FieldDescriptor, MessageDescriptor } from '../../src/schema/descriptor.js';
import { casesOf } from '../support/draws.js';
import { fieldJsonOf, JSON_OPTIONS, jsonOf } from '../support/json.js';
import { schemaOf } from '../support/schema.js';
import { BASE, CASES, changed } from './cases.js';

async function planFrom(proto: string): Promise<Plan> {
  const { config } = parseConfig({ version: 1 });
  return plan(config!, { schema: schemaOf(proto) });
}

/** Requests that the old version accepts. Together they have every field, and every value of its enums. */
const REQUESTS: readonly (readonly [method: string, target: string, body?: object])[] = [
  ['GET', '/v1/items/a'],
  ['GET', '/v1/items/blue'],
  ['GET', '/v1/items?owner=a&pageSize=5&color=RED&tag=x'],
  ['GET', '/v1/items?page_size=-5&color=DARK_BLUE'],
  ['POST', '/v1/items?requestId=r', { name: 'n', title: 't', color: 'DARK_BLUE', tags: ['a'], age: 1 }],
  ['POST', '/v1/items', { color: 1 }],
  ['POST', '/v1/items:pack', { names: ['a'], box: { width: 1, paper: 'p' }, fast: true, note: 'n' }],
  ['POST', '/v1/items:pack', { days: 2 }],
  ['GET', '/v1/stock/a'],
  ['POST', '/v1/ping', {}],
];

async function refusedBy(version: Plan): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const [method, target, body] of REQUESTS) {
    const rawHeaders = body === undefined ? [] : ['content-type', 'application/json'];
    const bytes = Buffer.from(body === undefined ? '' : JSON.stringify(body));
    const { ok } = await explain(version, { method, target, body: bytes, rawHeaders });
    if (!ok) refused.push(`${method} ${target} ${JSON.stringify(body)}`);
  }
  return refused;
}

/** Returns an answer of the service as JSON, with every field set. Enum values are those of `old`, if it has them. */
function answerOf(version: Plan, binding: Binding): unknown {
  const { method, responseBody } = binding;
  if (givesRawBody(binding)) return 'content';
  const codec = createCodecs(version.registry, JSON_OPTIONS).of(method.output);
  const wire = codec.read(Buffer.from(JSON.stringify(sampleOf(method.output))));
  const json = responseBody === undefined ? jsonOf(codec, wire) : fieldJsonOf(codec, responseBody, wire);
  const value = JSON.parse(json) as unknown;
  return method.serverStreaming ? [value] : value;
}

function sampleOf({ fields, oneofs }: MessageDescriptor): object {
  const chosen = new Set(oneofs.flatMap((oneof) => oneof.fields.slice(0, 1)));
  const set = fields.filter((field) => field.oneof === undefined || chosen.has(field));
  return Object.fromEntries(set.map((field) => [field.jsonName, fieldSample(field)]));
}

function fieldSample(field: FieldDescriptor): unknown {
  const value = valueSample(field);
  return field.cardinality === 'repeated' ? [value] : value;
}

function valueSample({ type }: FieldDescriptor): unknown {
  if (type.kind === 'enum') return enumSample(type.enum);
  if (type.kind === 'scalar')
    return type.scalar === 'string' ? 'text' : type.scalar === 'bytes' ? 'AQI=' : type.scalar === 'bool' ? true : 5;
  const { fullName } = type.message;
  if (fullName === 'google.protobuf.Timestamp') return '2026-01-01T00:00:00Z';
  if (fullName === 'google.protobuf.StringValue') return 'text';
  return fullName === 'google.protobuf.Struct' ? { width: 5, paper: 'text' } : sampleOf(type.message);
}

/** Services of both versions mean the same value: the last one that the old version has. */
function enumSample({ values }: EnumDescriptor): unknown {
  const names = new Set(values.map(({ name }) => name));
  const old = ['DARK_BLUE', 'CLOSED'].find((name) => names.has(name));
  return old ?? 2;
}

/** Returns the places where an old client does not find what it reads. */
function missed(old: unknown, now: unknown, path = 'answer'): readonly string[] {
  if (Array.isArray(old)) return Array.isArray(now) ? missed(old[0], now[0], `${path}[0]`) : [path];
  if (typeof old === 'object' && old !== null) {
    if (typeof now !== 'object' || now === null || Array.isArray(now)) return [path];
    const after = now as Readonly<Record<string, unknown>>;
    return Object.entries(old).flatMap(([key, value]) => missed(value, after[key], `${path}.${key}`));
  }
  return old === now || isNamed(old, now) ? [] : [path];
}

/** True if a text has become the name of an enum value: the service decides which texts it writes. */
function isNamed(old: unknown, now: unknown): boolean {
  return old === 'text' && typeof now === 'string' && /^[A-Z_]+$/.test(now);
}

const REFUSES = /\bgets? (?:400|404|415)|get 404 or 405/;
const ANSWERS = /clients (?:get (?!a value)|no longer get|never get)/;
/** Changes of answers that the codec cannot show. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['field-behavior', 'success-status']);

const base = planFrom(BASE);

const STEP = Math.round(CASES.length / casesOf(CASES.length));

for (const one of CASES.filter((_, index) => index % STEP === 0)) {
  test(`as served: ${one.fact}`, async (t) => {
    const [old, now] = [await base, await planFrom(changed(one))];
    const findings = diff(sideOf(old, undefined), sideOf(now, undefined));
    const says = (words: RegExp, severities: readonly string[]) =>
      findings.filter(({ severity, text }: Finding) => severities.includes(severity) && words.test(text));
    const refused = await refusedBy(now);
    const told = says(REFUSES, ['breaking', 'risky']);
    t.is(refused.length > 0, told.length > 0, JSON.stringify({ refused, told }));
    const lost = old.routes.flatMap(({ binding }) => {
      const after = now.routes.find((route) => isSame(route.binding, binding));
      return after === undefined ? [] : missed(answerOf(old, binding), answerOf(now, after.binding));
    });
    // After a risky change clients may still find the same values, such as a number that is in both ranges.
    const [mayBreak, breaks] = [says(ANSWERS, ['breaking', 'risky']), says(ANSWERS, ['breaking'])];
    if (lost.length > 0) t.true(mayBreak.length > 0, JSON.stringify({ lost }));
    const shown = breaks.filter(({ change }) => !NOT_SHOWN.has(change));
    if (shown.length > 0) t.true(lost.length > 0, JSON.stringify({ shown }));
  });
}

function isSame(a: Binding, b: Binding): boolean {
  return a.httpMethod === b.httpMethod && a.template.shape === b.template.shape;
}

test('the old version accepts all requests of old clients', async (t) => {
  t.deepEqual(await refusedBy(await base), []);
});
