/** This module finds the operation that an example request calls, and the values of its parameters and its body. */
import { escaped } from '../base/escaped.js';
import { isRecord } from '../base/record.js';
import type { Binding } from '../routing/binding.js';
import type { PathTemplate } from '../routing/path-template.js';
import type { MessageDescriptor } from '../schema/descriptor.js';
import type { Example, ExamplesOf } from './api.js';
import { wellKnownSchema } from './scalar-schemas.js';
import type { SchemaBook } from './schema-book.js';

/** A request that works. */
export interface ExampleRequest {
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  /** The body as JSON. Undefined when there is none, or when it is not JSON. */
  readonly body: unknown;
}

/** Returns a function that finds the first request that calls a route. */
export function examplesFrom(requests: readonly ExampleRequest[]): ExamplesOf {
  return ({ binding }) => {
    const { httpMethod, template } = binding;
    const expression = expressionOf(template);
    for (const { method, target, body } of requests) {
      if (method !== httpMethod && httpMethod !== '*') continue;
      const [path = '', query = ''] = target.split('?', 2);
      const match = expression.exec(path);
      if (match !== null) return { variables: variablesIn(binding, match), query: new URLSearchParams(query), body };
    }
    return undefined;
  };
}

/** Returns an expression with a group for each segment. A colon is no part of a segment, because it begins a verb. */
function expressionOf({ segments, verb }: PathTemplate): RegExp {
  const texts = segments.map((segment) => {
    if (segment.kind === 'literal') return `(${escaped(segment.literal)})`;
    return segment.kind === 'any' ? '([^/:]+)' : '(.*)';
  });
  return new RegExp(`^/${texts.join('/')}${verb === undefined ? '' : escaped(`:${verb}`)}$`);
}

function variablesIn({ template, variables }: Binding, match: RegExpExecArray): Example['variables'] {
  const values = template.variables.map(({ start, end }, index) => {
    const segments = match.slice(start + 1, end + 1).map(decodeURIComponent);
    return [variables[index]!.name, segments.join('/')] as const;
  });
  return new Map(values);
}

/**
 * Returns an example of a message without the fields that the document does not have. A request of one surface may have fields
 * that another surface leaves out.
 */
export function shownPart(value: unknown, message: MessageDescriptor, book: SchemaBook): unknown {
  if (!isRecord(value) || wellKnownSchema(message.fullName, 'input') !== undefined) return value;
  const shown = new Set(book.fieldsOf(message, 'input'));
  const members = Object.entries(value).flatMap(([name, inside]) => {
    const field = message.fieldNamed(name);
    if (field === undefined || !shown.has(field)) return [];
    if (field.type.kind !== 'message') return [[name, inside]];
    const { message: type } = field.type;
    const one = (element: unknown) => shownPart(element, type, book);
    if (Array.isArray(inside)) return [[name, field.cardinality === 'repeated' ? inside.map(one) : inside]];
    if (field.cardinality !== 'map' || !isRecord(inside)) return [[name, one(inside)]];
    return [[name, Object.fromEntries(Object.entries(inside).map(([key, element]) => [key, one(element)]))]];
  });
  return Object.fromEntries(members);
}
