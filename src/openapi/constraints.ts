/**
 * This module turns the validation rules of fields (`buf.validate.field`, and `validate.rules` of protoc-gen-validate) into
 * JSON Schema, as far as it has a form for them. The service enforces the rules, so they are shown at requests only.
 */
import { escaped } from '../base/escaped.js';
import type { FieldDescriptor } from '../schema/descriptor.js';
import { FIELD_RULES, OLD_FIELD_RULES } from '../schema/document-options.js';
import { isMessage, type OptionTree, type OptionValue } from '../schema/option-tree.js';
import type { Json } from './api.js';

/** Returns the rules of a field. Undefined when it has none. */
export function rulesOf(field: FieldDescriptor): OptionTree | undefined {
  const options = field.documentOptions();
  if (options.size === 0) return undefined;
  const option = options.get(FIELD_RULES)?.at(-1) ?? options.get(OLD_FIELD_RULES)?.at(-1);
  return option !== undefined && isMessage(option) ? option.value : undefined;
}

/** True if the field must be set: `required`, or `message.required` of protoc-gen-validate. */
export function requiresValue(rules: OptionTree): boolean {
  return singleOf(rules, 'required') === true || singleOf(messageOf(rules, 'message'), 'required') === true;
}

/** Returns the rules of a list's elements or of a map's values. */
export function rulesInside(rules: OptionTree, of: 'items' | 'values'): OptionTree | undefined {
  return messageOf(messageOf(rules, of === 'items' ? 'repeated' : 'map'), of);
}

/** Returns the constraints of a list or a map as a whole. */
export function listConstraints(rules: OptionTree): Json {
  const list = messageOf(rules, 'repeated');
  const map = messageOf(rules, 'map');
  return defined({
    minItems: count(list, 'min_items'),
    maxItems: count(list, 'max_items'),
    uniqueItems: singleOf(list, 'unique') === true ? true : undefined,
    minProperties: count(map, 'min_pairs'),
    maxProperties: count(map, 'max_pairs'),
  });
}

/** Returns the name of an enum value by its number, because rules have numbers. Undefined if no value has the number. */
type NameOf = (number: number) => string | undefined;

/** Returns the constraints of a single value. */
export function valueConstraints(tree: OptionTree, { type }: FieldDescriptor): Json {
  if (type.kind === 'enum') return enumConstraints(messageOf(tree, 'enum'), (number) => type.enum.nameOf(number));
  if (type.kind === 'message') return {};
  const { scalar } = type;
  const rules = messageOf(tree, scalar);
  if (rules === undefined) return {};
  if (scalar === 'string') return stringConstraints(rules);
  if (scalar === 'bytes') return {};
  if (scalar === 'bool') return defined({ const: singleOf(rules, 'const') });
  // The JSON of 64 bits is a string, for which JSON Schema has no range.
  if (scalar.endsWith('64')) return {};
  return numberConstraints(rules);
}

const FORMATS: readonly (readonly [rule: string, format: string])[] = [
  ['email', 'email'],
  ['hostname', 'hostname'],
  ['ipv4', 'ipv4'],
  ['ipv6', 'ipv6'],
  ['uri', 'uri'],
  ['uri_ref', 'uri-reference'],
  ['uuid', 'uuid'],
];

function stringConstraints(rules: OptionTree): Json {
  const exact = count(rules, 'len');
  const text = (name: string) => {
    const value = singleOf(rules, name);
    return typeof value === 'string' ? value : undefined;
  };
  const [prefix, suffix, contains] = [text('prefix'), text('suffix'), text('contains')];
  const patterns = [
    text('pattern'),
    prefix === undefined ? undefined : `^${escaped(prefix)}`,
    suffix === undefined ? undefined : `${escaped(suffix)}$`,
    contains === undefined ? undefined : escaped(contains),
  ].filter((pattern) => pattern !== undefined && isPattern(pattern));
  const excluded = listOf(rules, 'not_in');
  return defined({
    const: text('const'),
    minLength: exact ?? count(rules, 'min_len'),
    maxLength: exact ?? count(rules, 'max_len'),
    pattern: patterns[0],
    allOf: patterns.length > 1 ? patterns.slice(1).map((pattern) => ({ pattern })) : undefined,
    format: FORMATS.find(([rule]) => singleOf(rules, rule) === true)?.[1],
    enum: nonEmpty(listOf(rules, 'in')),
    not: excluded.length > 0 ? { enum: excluded } : undefined,
  });
}

function numberConstraints(rules: OptionTree): Json {
  const [gt, gte, lt, lte] = ['gt', 'gte', 'lt', 'lte'].map((name) => numberIn(rules, name));
  const [above, below] = [gt ?? gte, lt ?? lte];
  // A lower bound above the upper one means every number outside of them.
  if (above !== undefined && below !== undefined && above > below) return {};
  const excluded = listOf(rules, 'not_in');
  return defined({
    const: numberIn(rules, 'const'),
    exclusiveMinimum: gt,
    minimum: gte,
    exclusiveMaximum: lt,
    maximum: lte,
    enum: nonEmpty(listOf(rules, 'in')),
    not: excluded.length > 0 ? { enum: excluded } : undefined,
  });
}

function enumConstraints(rules: OptionTree | undefined, nameOf: NameOf): Json {
  const names = (field: string) => listOf(rules, field).flatMap((number) => nameOf(Number(number)) ?? []);
  const only = singleOf(rules, 'const');
  const excluded = names('not_in');
  return defined({
    const: only === undefined ? undefined : nameOf(Number(only)),
    enum: nonEmpty(names('in')),
    not: excluded.length > 0 ? { enum: excluded } : undefined,
  });
}

function messageOf(tree: OptionTree | undefined, name: string): OptionTree | undefined {
  const value = tree?.get(name)?.at(-1);
  return value !== undefined && isMessage(value) ? value.value : undefined;
}

function singleOf(tree: OptionTree | undefined, name: string): OptionValue['value'] | undefined {
  return tree?.get(name)?.at(-1)?.value;
}

function listOf(tree: OptionTree | undefined, name: string): readonly OptionValue['value'][] {
  return (tree?.get(name) ?? []).map(({ value }) => value);
}

function numberIn(tree: OptionTree | undefined, name: string): number | undefined {
  const value = singleOf(tree, name);
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

function count(tree: OptionTree | undefined, name: string): number | undefined {
  const number = numberIn(tree, name);
  return number !== undefined && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** True if JavaScript can compile the pattern too. The rules have patterns of RE2, in which `(?i)`, for example, is allowed. */
function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

/** Returns the members that have a value. */
function defined(members: Record<string, unknown>): Json {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
