/** This module finds the operation that an example request calls, and the values that it gives to its parameters. */
import { escaped } from '../base/escaped.js';
import type { Binding } from '../routing/binding.js';
import type { PathTemplate } from '../routing/path-template.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { Example, ExamplesOf } from './api.js';

/** A request that works. */
export interface ExampleRequest {
  readonly method: string;
  /** The path with its query. */
  readonly target: string;
  /** The body as JSON. Undefined when there is none, or when it is not JSON. */
  readonly body: unknown;
}

/**
 * Returns a function that finds the first request that calls a route. A body with a field that the route does not have is
 * no example, because the request belongs to another surface then.
 */
export function examplesFrom(requests: readonly ExampleRequest[]): ExamplesOf {
  return ({ binding }) => {
    const { httpMethod, template } = binding;
    const expression = expressionOf(template);
    for (const { method, target, body } of requests) {
      if (method !== httpMethod && httpMethod !== '*') continue;
      const [path = '', query = ''] = target.split('?', 2);
      const match = expression.exec(path);
      if (match === null) continue;
      const shown = fitsBody(body, binding) ? body : undefined;
      return { variables: variablesIn(binding, match), query: new URLSearchParams(query), body: shown };
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

function fitsBody(value: unknown, { body, method }: Binding): boolean {
  if (body.kind === 'none') return true;
  return body.kind === 'whole' ? hasOnly(value, method.input) : fits(value, body.field);
}

function fits(value: unknown, { cardinality, type }: FieldDescriptor): boolean {
  if (type.kind !== 'message') return true;
  if (cardinality === 'singular' || !isObject(value)) return hasOnly(value, type.message);
  return Object.values(value).every((one) => hasOnly(one, type.message));
}

/** True if the message has all fields that the value has. Well-known types have a JSON form of their own. */
function hasOnly(value: unknown, message: MessageDescriptor): boolean {
  if (!isObject(value) || message.fullName.startsWith('google.protobuf.')) return true;
  return Object.entries(value).every(([name, inner]) => {
    const field = message.fieldNamed(name);
    return field !== undefined && fits(inner, field);
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
