/** This module lists the query parameters of a binding: the fields that neither its path nor its body gives. */
import { isTextual } from '../codec/bound.js';
import type { Binding } from '../routing/binding.js';
import { isSamePath } from '../routing/field-path.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { Json } from './api.js';
import { described, markdownOf, paragraphs } from './descriptions.js';
import { wellKnownSchema } from './scalar-schemas.js';
import { isDemanded, type SchemaBook } from './schema-book.js';

/** The most parameters that are listed. Requests with hundreds of fields are sent as a body. */
const MOST = 300;
/**
 * The most messages that are searched for parameters. Messages that contain each other in every combination, and have no other
 * fields, would be searched forever.
 */
const MOST_MESSAGES = 2000;

/**
 * Returns the parameters. A nested field has the names of the fields around it: `filter.price.minUnits`. `mask` is the update
 * mask that the gateway fills, so clients need not send it.
 */
export function queryParameters(
  { method, body, variables }: Binding,
  book: SchemaBook,
  mask: FieldDescriptor | undefined,
): Json[] {
  if (body.kind === 'whole') return [];
  const parameters: Json[] = [];
  const bodyField = body.kind === 'field' ? body.field : undefined;
  let searched = 0;
  const list = (message: MessageDescriptor, around: readonly FieldDescriptor[], isRequired: boolean): void => {
    searched++;
    if (searched > MOST_MESSAGES) return;
    for (const field of book.fieldsOf(message, 'input')) {
      const path = [...around, field];
      if (field === bodyField || parameters.length >= MOST) continue;
      if (variables.some(({ fieldPath }) => isSamePath(fieldPath, path))) continue;
      if (excludes(path)) continue;
      const demanded = isRequired && field !== mask && isDemanded(field);
      if (isTextual(field)) parameters.push(parameterOf(path, demanded, book, field === mask));
      else if (field.cardinality === 'singular' && field.type.kind === 'message') {
        const { message: inside } = field.type;
        const isKnown = wellKnownSchema(inside.fullName, 'input') !== undefined;
        const isRecursive = inside === method.input || around.some((one) => isOfType(one, inside));
        if (!isKnown && !isRecursive) list(inside, path, demanded);
      }
    }
  };
  /** True if path or body give another member of the same oneof, so that the field can never be set. */
  function excludes(path: readonly FieldDescriptor[]): boolean {
    const { oneof } = path.at(-1)!;
    if (oneof === undefined) return false;
    const depth = path.length - 1;
    const isOther = (other: FieldDescriptor | undefined) => other !== path[depth] && other?.oneof === oneof;
    if (depth === 0 && isOther(bodyField)) return true;
    return variables.some(
      ({ fieldPath }) => isOther(fieldPath[depth]) && isSamePath(fieldPath.slice(0, depth), path.slice(0, depth)),
    );
  }
  list(method.input, [], true);
  return parameters;
}

function isOfType({ type }: FieldDescriptor, message: MessageDescriptor): boolean {
  return type.kind === 'message' && type.message === message;
}

function parameterOf(path: readonly FieldDescriptor[], required: boolean, book: SchemaBook, fills: boolean): Json {
  const field = path.at(-1)!;
  const text = paragraphs(markdownOf(field.comment), fills ? FILLED : '');
  return {
    name: path.map((one) => book.nameOf(one)).join('.'),
    in: 'query',
    ...described(text),
    ...(required ? { required: true } : {}),
    ...(field.deprecated ? { deprecated: true } : {}),
    // `labels[env]=prod`
    ...(field.cardinality === 'map' ? { style: 'deepObject', explode: true } : {}),
    schema: book.valueSchema(field, 'input'),
  };
}

const FILLED = 'If it is absent, the fields that the body contains are changed.';
