/**
 * This module reads the query string into fields of the request message. `a.b=1` sets a nested field, a repeated key sets a
 * repeated field, `labels[env]=x` sets an entry of a map; each segment of a name is a proto name or a JSON name. Parameters
 * that choose how the answer is written (`system-parameters.ts`) are no fields. docs/http-mapping.md#query-parameters has the
 * rules.
 */
import { didYouMean } from '../base/did-you-mean.js';
import { compilePatterns } from '../base/name-patterns.js';
import { type BoundMessage, bindText, isTextual } from '../codec/bound.js';
import { isSamePath } from '../routing/field-path.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { bindingProblem, queryViolation } from './binding-problem.js';
import { type AnswerKind, GivenParameters, systemParametersOf } from './system-parameters.js';

export interface QuerySettings {
  /** The treatment of an unknown parameter: `reject` answers 400, `ignore` drops it. */
  readonly unknown: 'reject' | 'ignore';
  /** Names or `prefix*` patterns of parameters that are dropped unread, such as `utm_*`. */
  readonly ignore: readonly string[];
}

export interface QueryRule {
  readonly input: MessageDescriptor;
  /** The paths of the fields that the URL path sets. */
  readonly pathFields: readonly (readonly FieldDescriptor[])[];
  /**
   * The part of the message that the body sets: `whole` is all of it, so that the query sets none; a field is that field
   * alone.
   */
  readonly body: 'none' | 'whole' | FieldDescriptor;
  readonly answer: AnswerKind;
}

export interface QueryBinder {
  /** Reads the query into `bound`. Throws INVALID_ARGUMENT that names the parameter. */
  bind(rawQuery: string, bound: BoundMessage): GivenParameters;
  /** Returns the parameters about the answer alone, and reads no fields. Throws INVALID_ARGUMENT. */
  system(rawQuery: string): GivenParameters;
}

/** The field that a parameter sets; undefined when the parameter is ignored. */
type Target = { readonly path: readonly FieldDescriptor[]; readonly mapKey: string | undefined } | undefined;

/**
 * The most parameter names that are remembered for a route: clients choose the names, map keys among them, so there must be
 * a bound.
 */
const MAX_REMEMBERED = 256;

/** Compiles the binder of one route. */
export function compileQuery(rule: QueryRule, settings: QuerySettings): QueryBinder {
  const targets = new Map<string, Target>();
  const isIgnored = compilePatterns(settings.ignore);
  const systemParameters = systemParametersOf(rule.input);
  const none = new GivenParameters(rule.answer);

  return {
    bind: (rawQuery, bound) => read(rawQuery, (name, value) => bindParameter(name, value, bound)),
    system: (rawQuery) => read(rawQuery, () => {}),
  };

  function read(rawQuery: string, onField: (name: string, value: string) => void): GivenParameters {
    if (rawQuery === '') return none;
    const given = new GivenParameters(rule.answer);
    for (const part of rawQuery.split('&')) {
      if (part === '') continue;
      const equals = part.indexOf('=');
      const name = decode(equals < 0 ? part : part.slice(0, equals));
      const value = equals < 0 ? '' : decode(part.slice(equals + 1), name);
      const parameter = systemParameters.get(name);
      if (parameter === undefined) onField(name, value);
      else given.take(parameter, name, value);
    }
    return given;
  }

  function bindParameter(name: string, value: string, bound: BoundMessage): void {
    const target = targetOf(name);
    if (target === undefined) return;
    try {
      bindText(bound, target.path, value, 'query', target.mapKey);
    } catch (error) {
      throw bindingProblem(name, error);
    }
  }

  function targetOf(name: string): Target {
    if (targets.has(name)) return targets.get(name);
    const target = isIgnored(name) ? undefined : resolve(name, rule, settings);
    if (targets.size < MAX_REMEMBERED) targets.set(name, target);
    return target;
  }
}

function resolve(name: string, rule: QueryRule, settings: QuerySettings): Target {
  const { dotted, mapKey } = splitMapKey(name);
  const path = resolvePath(name, dotted, rule.input);
  const [top] = path ?? [];
  if (path === undefined || top === undefined || rule.body === 'whole') {
    // Google's servers obey $httpMethod and $key. A call without them would not be the call that the client asked for.
    if (settings.unknown === 'ignore' && !name.startsWith('$')) return undefined;
    if (name === '') throw queryViolation('=', "expected a name before '='");
    if (path !== undefined)
      throw queryViolation(name, 'not a query parameter, because the body of this route sets all fields');
    throw queryViolation(name, `unknown query parameter${rule.body === 'whole' ? '' : hint(dotted, rule)}`);
  }
  if (rule.pathFields.some((bound) => isSamePath(bound, path)))
    throw queryViolation(name, 'not a query parameter, because the path sets this field');
  if (rule.body === top) throw queryViolation(name, 'not a query parameter, because the body sets this field');
  requireTextual(name, path, mapKey);
  return { path, mapKey };
}

/** Splits `labels[a.b]` into `labels` and `a.b`. */
function splitMapKey(name: string): { dotted: string; mapKey: string | undefined } {
  const open = name.indexOf('[');
  if (open < 0 || !name.endsWith(']')) return { dotted: name, mapKey: undefined };
  return { dotted: name.slice(0, open), mapKey: name.slice(open + 1, -1) };
}

/**
 * Returns the fields along the name; undefined when there is no such field. Throws for a field that cannot be given in a
 * query.
 */
function resolvePath(name: string, dotted: string, input: MessageDescriptor): readonly FieldDescriptor[] | undefined {
  const path: FieldDescriptor[] = [];
  const visited = new Set([input.fullName]);
  let message: MessageDescriptor = input;
  const segments = dotted.split('.');
  for (const [index, segment] of segments.entries()) {
    const field = message.fieldNamed(segment);
    if (field === undefined || field.extension) return undefined;
    path.push(field);
    if (index === segments.length - 1) break;
    if (field.type.kind !== 'message') return undefined;
    if (field.cardinality !== 'singular')
      throw queryViolation(name, `not a query parameter, because ${segment} is a ${field.cardinality} field`);
    message = field.type.message;
    if (WITHOUT_FIXED_FIELDS.has(message.fullName))
      throw queryViolation(name, `not a query parameter, because ${message.fullName} has no fixed fields`);
    if (visited.has(message.fullName))
      throw queryViolation(name, `not a query parameter, because ${message.fullName} is recursive`);
    visited.add(message.fullName);
  }
  return path;
}

/** Messages that hold any JSON: clients do not know the names of their fields, so a query cannot set these. */
const WITHOUT_FIXED_FIELDS: ReadonlySet<string> = new Set(
  ['Any', 'Struct', 'Value', 'ListValue'].map((name) => `google.protobuf.${name}`),
);

/**
 * Returns the end of an error text, `, did you mean 'book.title'?`, for the first segment that is no field. The suggestion is
 * one of the fields that the query may set. The text is empty if there is none.
 */
function hint(dotted: string, { input, pathFields, body }: QueryRule): string {
  let message = input;
  const path: FieldDescriptor[] = [];
  for (const segment of dotted.split('.')) {
    const field = message.fieldNamed(segment);
    if (field !== undefined && field.type.kind === 'message') {
      path.push(field);
      message = field.type.message;
      continue;
    }
    const free = message.fields.filter(
      (one) => one !== body && !pathFields.some((bound) => isSamePath(bound, [...path, one])),
    );
    const meant = didYouMean(
      segment,
      free.flatMap(({ name, jsonName }) => [name, jsonName]),
    );
    return meant === undefined ? '' : `, did you mean '${[...path.map(({ name }) => name), meant].join('.')}'?`;
  }
  return '';
}

/** The error text for `tags[]=a` and `tags[0]=a`, as some clients write lists. */
const NO_INDEX = 'expected the name without [key], once for each value, because the field is repeated';

function requireTextual(name: string, path: readonly FieldDescriptor[], mapKey: string | undefined): void {
  const field = path[path.length - 1]!;
  if (field.cardinality !== 'map' && mapKey !== undefined)
    throw queryViolation(
      name,
      field.cardinality === 'repeated' ? NO_INDEX : 'expected no [key], because the field is not a map',
    );
  if (!isTextual(field))
    throw queryViolation(
      name,
      `not a query parameter, because its type is ${describeType(field)}${membersOf(name, field)}`,
    );
  if (field.cardinality === 'map' && mapKey === undefined)
    throw queryViolation(name, `expected ${name}[key], because the field is a map`);
}

/** The most fields of a message that an error text lists. */
const SHOWN = 3;

/** Lists the fields that can be given instead of a message: `; expected filter.kind, filter.old`. */
function membersOf(name: string, { type, cardinality }: FieldDescriptor): string {
  // Well-known types have a JSON form of their own.
  if (type.kind !== 'message' || cardinality !== 'singular' || type.message.fullName.startsWith('google.protobuf.'))
    return '';
  const members = type.message.fields.filter(isTextual);
  if (members.length === 0) return '';
  const shown = members.slice(0, SHOWN).map((one) => `${name}.${one.name}${one.cardinality === 'map' ? '[key]' : ''}`);
  return `; expected ${shown.join(', ')}${members.length > SHOWN ? ', …' : ''}`;
}

function describeType({ type, cardinality }: FieldDescriptor): string {
  const noun = type.kind === 'message' ? type.message.fullName : type.kind;
  return cardinality === 'singular' ? noun : `${cardinality} ${noun}`;
}

/**
 * Decodes a name or a value once; `+` is a space. `parameter` is the name of the parameter for errors: for a name it is the
 * text itself.
 */
function decode(text: string, parameter = text): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    const isEncoded = !/%(?![0-9a-f]{2})/i.test(spaced);
    throw queryViolation(
      parameter,
      isEncoded ? 'expected percent-encoded UTF-8, got other bytes' : "expected two hex digits after each '%'",
    );
  }
}
