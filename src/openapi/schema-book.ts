/**
 * This module makes the schemas of messages and enums, and knows which of them a document needs. Each is made when it is
 * written, so that the schemas of a large API are never in memory together.
 *
 *     shop.v1.Order          what answers contain
 *     shop.v1.Order-Input    what requests may contain: `null`, 64-bit numbers as numbers; no field that is OUTPUT_ONLY
 *     shop.v1.Order-Patch    the same for the body of a PATCH, which may leave out every field
 */
import type { Steps } from '../base/slices.js';
import type { EnumDescriptor, FieldDescriptor, FieldType, MessageDescriptor } from '../schema/descriptor.js';
import { isDeprecated, RESOURCE } from '../schema/document-options.js';
import type { OptionTree } from '../schema/option-tree.js';
import type { Api, Json } from './api.js';
import { listConstraints, requiresValue, rulesInside, rulesOf, valueConstraints } from './constraints.js';
import { described, markdownOf, paragraphs } from './descriptions.js';
import { patternsOf, resourcePattern } from './resources.js';
import { type Direction, keySchema, orNull, scalarSchema, wellKnownSchema } from './scalar-schemas.js';
import { isHiddenField, isRestricted } from './visibility.js';

/** Paths of fields below a message that its schema leaves out, because the URL gives them. */
export type Omitted = readonly (readonly FieldDescriptor[])[];

interface Needed {
  readonly type: MessageDescriptor | EnumDescriptor;
  readonly direction: Direction;
}

const SUFFIXES: Readonly<Record<Direction, string>> = { output: '', input: '-Input', patch: '-Patch' };
const NONE: Omitted = [];
/** The most members of a oneof for which the schema excludes every pair. */
const MOST_MEMBERS = 8;

export class SchemaBook {
  private readonly needed = new Map<string, Needed>();
  /** The needed schemas whose references have not been searched yet. */
  private readonly open: Needed[] = [];

  constructor(private readonly json: Api['config']['json']) {}

  /** Yields the schemas that the document needs, sorted by name. {@link findAll} must have found them. */
  *components(): Generator<readonly [name: string, schema: Json]> {
    for (const [name, { type, direction }] of [...this.needed].sort(([a], [b]) => (a < b ? -1 : 1))) {
      yield [name, type.kind === 'enum' ? this.enumSchema(type, direction) : this.messageSchema(type, direction)];
    }
  }

  /**
   * Adds to the needed schemas all schemas to which they refer, without making them. It yields so that the caller can pause.
   */
  *findAll(): Steps<void> {
    for (let next = this.open.pop(); next !== undefined; next = this.open.pop()) {
      const { type, direction } = next;
      if (type.kind === 'enum') continue;
      for (const field of this.fieldsOf(type, direction)) this.typeSchema(field.type, direction);
      yield;
    }
  }

  nameOf({ name, jsonName }: FieldDescriptor): string {
    return this.json.protoNames ? name : jsonName;
  }

  /**
   * Returns the fields that the schema of a message has: without those for the other direction, such as OUTPUT_ONLY fields in a
   * request, and without hidden ones.
   */
  fieldsOf(message: MessageDescriptor, direction: Direction): readonly FieldDescriptor[] {
    const left = direction === 'output' ? 'INPUT_ONLY' : 'OUTPUT_ONLY';
    return message.fields.filter((field) => !field.behavior.includes(left) && !isHiddenField(field));
  }

  /** Returns the schema of an enum, a scalar or a message; that of most messages is a reference to a component. */
  private typeSchema(type: FieldType, direction: Direction): Json {
    if (type.kind === 'scalar') return scalarSchema(type.scalar, direction);
    if (type.kind === 'enum') {
      if (type.enum.fullName === 'google.protobuf.NullValue') return { type: 'null' };
      return this.reference(type.enum, direction !== 'output' && this.json.enumsAsInts ? 'input' : 'output');
    }
    return this.reference(type.message, direction);
  }

  /** Returns the schema of a whole message: a reference, or that of a well-known type. */
  reference(type: MessageDescriptor | EnumDescriptor, direction: Direction): Json {
    const known = wellKnownSchema(type.fullName, direction);
    if (known !== undefined) return known;
    const name = `${type.fullName}${SUFFIXES[direction]}`;
    if (!this.needed.has(name)) {
      const needed = { type, direction };
      this.needed.set(name, needed);
      this.open.push(needed);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  /** Returns the schema of a field's value, which may be a list or a map, without its description. */
  valueSchema(field: FieldDescriptor, direction: Direction, omitted: Omitted = NONE): Json {
    const rules = direction === 'output' ? undefined : rulesOf(field);
    if (field.cardinality === 'singular') {
      const plain =
        omitted.length > 0 ? this.partOf(field, direction, omitted) : this.typeSchema(field.type, direction);
      return rules === undefined ? plain : { ...plain, ...valueConstraints(rules, field) };
    }
    const one = (inside: OptionTree | undefined): Json => ({
      ...this.typeSchema(field.type, direction),
      ...(inside === undefined ? {} : valueConstraints(inside, field)),
    });
    const whole = rules === undefined ? {} : listConstraints(rules);
    if (field.cardinality === 'repeated')
      return { type: 'array', items: one(rules && rulesInside(rules, 'items')), ...whole };
    const keys = keySchema(field.mapKey!);
    return {
      type: 'object',
      additionalProperties: one(rules && rulesInside(rules, 'values')),
      ...(keys === undefined ? {} : { propertyNames: keys }),
      ...whole,
    };
  }

  private partOf({ type }: FieldDescriptor, direction: Direction, omitted: Omitted): Json {
    if (type.kind !== 'message') return this.typeSchema(type, direction);
    return this.messageSchema(type.message, direction, omitted);
  }

  /** Returns the schema of a message as an object of its fields, without those of `omitted`. */
  messageSchema(message: MessageDescriptor, direction: Direction, omitted: Omitted = NONE): Json {
    if (message.fullName === 'google.protobuf.Empty') return { type: 'object', ...this.closed(direction) };
    const options = message.documentOptions();
    const properties = new Map<string, Json>();
    const required: string[] = [];
    const resource = options.get(RESOURCE);
    for (const field of this.fieldsOf(message, direction)) {
      const inside = omitted.filter(([first]) => first === field);
      if (inside.some(({ length }) => length === 1)) continue;
      const tails = inside.map((path) => path.slice(1));
      if (tails.length > 0 && this.isEmptyWithout(field, direction, tails)) continue;
      const name = this.nameOf(field);
      properties.set(name, this.property(field, direction, tails, resourcePattern(resource, field)));
      if (this.isRequired(field, direction)) required.push(name);
    }
    const exclusive = message.oneofs.map(({ fields }) => fields.map((field) => this.nameOf(field))).filter(isChoice);
    const shown = exclusive.map((names) => names.filter((name) => properties.has(name))).filter(isChoice);
    const excluded = direction === 'output' ? [] : shown.flatMap(pairsOf);
    const patterns = patternsOf(resource);
    return {
      type: 'object',
      title: titleOf(message.fullName),
      ...described(paragraphs(markdownOf(message.comment), ...shown.map(choiceText))),
      ...(isDeprecated(options) ? { deprecated: true } : {}),
      // A JSON name may be `__proto__`, which only this function makes a member of its own.
      ...(properties.size > 0 ? { properties: Object.fromEntries(properties) } : {}),
      ...(required.length > 0 ? { required } : {}),
      ...(excluded.length > 0 ? { not: { anyOf: excluded } } : {}),
      ...(patterns.length > 0 ? { 'x-resource-patterns': patterns } : {}),
      ...this.closed(direction),
    };
  }

  /** True if the URL gives every field of the message in `field`. */
  private isEmptyWithout({ type }: FieldDescriptor, direction: Direction, omitted: Omitted): boolean {
    if (type.kind !== 'message') return false;
    return this.fieldsOf(type.message, direction).every((field) =>
      omitted.some(([first, ...rest]) => first === field && rest.length === 0),
    );
  }

  /**
   * Returns an object with the member that forbids unknown fields, for requests if the config refuses them. Answers may get new
   * fields.
   */
  private closed(direction: Direction): Json {
    return direction === 'output' || this.json.unknownFields === 'ignore' ? {} : { additionalProperties: false };
  }

  private property(field: FieldDescriptor, direction: Direction, omitted: Omitted, pattern: Json): Json {
    const value = this.valueSchema(field, direction, omitted);
    const isOutput = direction === 'output';
    // Request bodies may have `null` for a field that is not set.
    const schema = isOutput || field.presence === 'required' ? value : orNull(value);
    const own = markdownOf(field.comment);
    return {
      ...schema,
      ...(isOutput ? pattern : {}),
      ...described(own === '' ? String(schema.description ?? '') : own),
      ...(field.deprecated ? { deprecated: true } : {}),
      ...(isOutput && field.behavior.includes('OUTPUT_ONLY') ? { readOnly: true } : {}),
      ...(!isOutput && field.behavior.includes('INPUT_ONLY') ? { writeOnly: true } : {}),
      ...defaultOf(field),
    };
  }

  private isRequired(field: FieldDescriptor, direction: Direction): boolean {
    if (field.presence === 'required') return true;
    if (direction === 'output') return this.json.emitDefaults && field.presence === 'implicit';
    return direction === 'input' && isDemanded(field);
  }

  private enumSchema(type: EnumDescriptor, direction: Direction): Json {
    const values = type.values.filter((value) => !isRestricted(value));
    const names = [...new Set(values.map(({ name }) => name))];
    const numbers = [...new Set(values.map(({ number }) => number))];
    const lines = values.flatMap((value) => {
      const text = markdownOf(value.comment).replace(/\s*\n\s*/g, ' ');
      const deprecated = isDeprecated(value.documentOptions()) ? ' (deprecated)' : '';
      return text === '' && deprecated === '' ? [] : [`- \`${value.name}\`${deprecated}: ${text}`.replace(/: $/, '')];
    });
    const ints = this.json.enumsAsInts;
    return {
      ...(!ints ? { type: 'string', enum: names } : {}),
      ...(ints && direction === 'output' ? { type: 'integer', enum: numbers, 'x-enum-varnames': names } : {}),
      ...(ints && direction !== 'output' ? { type: ['string', 'integer'], enum: [...names, ...numbers] } : {}),
      title: titleOf(type.fullName),
      ...described(paragraphs(markdownOf(type.comment), lines.join('\n'))),
      ...(isDeprecated(type.documentOptions()) ? { deprecated: true } : {}),
    };
  }
}

/** True if clients must set the field: google.api.field_behavior, or a validation rule. */
export function isDemanded(field: FieldDescriptor): boolean {
  if (field.behavior.includes('REQUIRED')) return true;
  const rules = rulesOf(field);
  return rules !== undefined && requiresValue(rules);
}

function isChoice(names: readonly string[]): boolean {
  return names.length > 1;
}

function choiceText(names: readonly string[]): string {
  return `At most one of ${names.map((name) => `\`${name}\``).join(', ')} is set.`;
}

function pairsOf(names: readonly string[]): readonly Json[] {
  if (names.length > MOST_MEMBERS) return [];
  return names.flatMap((name, index) => names.slice(index + 1).map((other) => ({ required: [name, other] })));
}

/** Returns the name of a type without its package: `Order.State` of `shop.v1.Order.State`. */
export function titleOf(fullName: string): string {
  const parts = fullName.split('.');
  const first = parts.findIndex((part) => /^[A-Z]/.test(part));
  return first < 0 ? parts.at(-1)! : parts.slice(first).join('.');
}

/** Returns an object with the member `default` if the proto declares a default (proto2, editions). */
function defaultOf({ defaultText, type }: FieldDescriptor): Json {
  if (defaultText === undefined) return {};
  if (type.kind !== 'scalar') return { default: defaultText };
  const { scalar } = type;
  if (scalar === 'bool') return { default: defaultText === 'true' };
  const isNumber = !['string', 'bytes'].includes(scalar) && !scalar.endsWith('64');
  const number = Number(defaultText);
  return { default: isNumber && Number.isFinite(number) ? number : defaultText };
}
