/**
 * A Place describes the location of a value: a root, and then fields through messages and lists.
 *
 *     request.customer            the aggregate's own request
 *     order.items.product         the product of every item, in the result of the step named `order`
 *     lines.product               a field of the answer, as far as steps have filled it
 *     each.item.product_id        a field of the current element of `for_each`
 *     caller.subject, caller.claims.customer
 */
import { type CallerPath, callerPath } from '../paths/caller.js';
import { ExpressionError, type PathExpression } from '../paths/expression.js';
import { fieldHint, fieldOf } from '../routing/field-path.js';
import type { FieldDescriptor, FieldType, MessageDescriptor, ScalarType } from '../schema/descriptor.js';

/** The type of the value at a place. */
export interface Held {
  readonly type: FieldType;
  /** The type of a map's keys. Undefined when the value is not a map. */
  readonly mapKey: ScalarType | undefined;
  /** True if the path leads through a list or ends at one. */
  readonly many: boolean;
}

export type Root =
  | { readonly kind: 'request' | 'response' | 'each' }
  /** The result of a named step; `many` is true if it is a list. */
  | { readonly kind: 'step'; readonly step: number; readonly many: boolean };

export interface FieldPlace {
  readonly kind: 'fields';
  readonly root: Root;
  readonly fields: readonly FieldDescriptor[];
  readonly held: Held;
}

export interface CallerPlace {
  readonly kind: 'caller';
  readonly path: CallerPath;
}

export type Place = FieldPlace | CallerPlace;

/** The types behind the names with which a path may begin: `request`, fields of the answer, named steps and `each`. */
export interface Roots {
  readonly request: MessageDescriptor;
  readonly response: MessageDescriptor;
  /** The steps that have a name. */
  readonly steps: ReadonlyMap<string, { readonly step: number; readonly held: Held }>;
  /** The type of the elements. Undefined outside of a `for_each`. */
  readonly each: Held | undefined;
}

/** Names that no step and no field of the response may have. */
export const ROOT_NAMES: ReadonlySet<string> = new Set(['request', 'caller', 'each']);

export function isRoot(name: string, { response, steps }: Roots): boolean {
  return ROOT_NAMES.has(name) || steps.has(name) || fieldOf(response, name) !== undefined;
}

/**
 * Finds the place of a path. Throws ExpressionError if it begins with an unknown name or leads through a field that does not
 * exist.
 */
export function resolvePlace({ names, column }: PathExpression, roots: Roots): Place {
  const [root = '', ...fields] = names;
  if (root === 'caller') return { kind: 'caller', path: callerPath(fields, column) };
  if (root === 'request') {
    return walk({ kind: 'request' }, messageHeld(roots.request), fields, column + root.length + 1);
  }
  if (root === 'each') {
    if (roots.each === undefined)
      throw new ExpressionError(column, "expected for_each in a step that reads 'each', got none");
    return walk({ kind: 'each' }, roots.each, fields, column + root.length + 1);
  }
  const named = roots.steps.get(root);
  if (named !== undefined)
    return walk(
      { kind: 'step', step: named.step, many: named.held.many },
      named.held,
      fields,
      column + root.length + 1,
    );
  if (fieldOf(roots.response, root) === undefined) {
    const known = `request, caller, each, a named step or a field of ${roots.response.fullName}`;
    throw new ExpressionError(column, `expected ${known}, got '${root}'`);
  }
  return responsePlace(names, column, roots.response);
}

/** Finds the place of a path that begins in the message `response`. Throws ExpressionError for a field that does not exist. */
export function responsePlace(names: readonly string[], column: number, response: MessageDescriptor): FieldPlace {
  return walk({ kind: 'response' }, messageHeld(response), names, column);
}

export function messageHeld(message: MessageDescriptor): Held {
  return { type: { kind: 'message', message, delimited: false }, mapKey: undefined, many: false };
}

function walk(root: Root, start: Held, names: readonly string[], from: number): FieldPlace {
  const fields: FieldDescriptor[] = [];
  let held = start;
  let column = from;
  for (const name of names) {
    const { type, mapKey, many } = held;
    if (mapKey !== undefined || type.kind !== 'message') {
      throw new ExpressionError(column, `expected the end of the path after ${describeHeld(held)}, got '${name}'`);
    }
    const field = fieldOf(type.message, name);
    if (field === undefined) {
      throw new ExpressionError(
        column,
        `expected a field of ${type.message.fullName}, got '${name}'${fieldHint(type.message, name)}`,
      );
    }
    held = { type: field.type, mapKey: field.mapKey, many: many || field.cardinality === 'repeated' };
    if (many && field.mapKey !== undefined)
      throw new ExpressionError(column, `expected a field that is no map inside of a list, got the map '${name}'`);
    fields.push(field);
    column += name.length + 1;
  }
  return { kind: 'fields', root, fields, held };
}

export function sameType(a: FieldType, b: FieldType): boolean {
  return describeType(a) === describeType(b);
}

function describeType(type: FieldType): string {
  if (type.kind === 'message') return type.message.fullName;
  return type.kind === 'enum' ? type.enum.fullName : type.scalar;
}

/** Returns a description for error texts: `a list of shop.v1.Order`, `one string`. */
export function describeHeld({ type, mapKey, many }: Held): string {
  const text = describeType(type);
  if (mapKey !== undefined) return `a map of ${mapKey} to ${text}`;
  return many ? `a list of ${text}` : `one ${text}`;
}

export function heldBy({ type, mapKey, cardinality }: FieldDescriptor): Held {
  return { type, mapKey, many: cardinality === 'repeated' };
}
