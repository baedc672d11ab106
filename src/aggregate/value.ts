/**
 * This module compiles the expressions of `with`, `copy` and `when`. It checks an expression against the field that
 * takes its value:
 *
 *     name = request.customer            one value, as its bytes
 *     names = lines.item.product         all values of a list
 *     name = 'products/{each.product}'   a text that contains paths
 *     page_size = 5                      encoded when the schema is loaded
 */
import { BindError, isTextual } from '../codec/bound.js';
import { encodeValue, isDefaultValue } from '../codec/field-values.js';
import { wrappedScalar } from '../codec/well-known-reader.js';
import type { CallerPath } from '../paths/caller.js';
import { type Expression, ExpressionError, type PathExpression, type TextExpression } from '../paths/expression.js';
import { valueText } from '../paths/field-text.js';
import type { FieldDescriptor, ScalarType } from '../schema/descriptor.js';
import { gatewayError, type StatusError } from '../status/status-error.js';
import {
  type CallerPlace,
  describeHeld,
  type FieldPlace,
  type Held,
  heldBy,
  isRoot,
  type Place,
  type Roots,
  resolvePlace,
  sameType,
} from './place.js';
import { compileItems, compileRead, type Read } from './reads.js';

export interface Value {
  readonly read: Read<readonly Uint8Array[]>;
  /** The same values, grouped by the element of the last list on the path; absent when the path runs through no list. */
  readonly items?: Read<readonly (readonly Uint8Array[])[]>;
  readonly held: Held;
  /** The places in the answer, in the request and in the results of other steps that the expression reads. */
  readonly places: readonly FieldPlace[];
  readonly callerPaths: readonly CallerPath[];
}

/**
 * Compiles an expression whose value the field `target` takes. The value may be a list if `takesMany` is true. Throws
 * ExpressionError for an unknown path, or if the type of the value differs from the type of `target`.
 */
export function compileValue(
  expression: Expression,
  target: FieldDescriptor,
  roots: Roots,
  takesMany = target.cardinality === 'repeated',
): Value {
  switch (expression.kind) {
    case 'number':
      return literal(expression.text, expression.column, target, isNumeric(target), `number ${expression.text}`);
    case 'text':
      return textValue(expression, target, roots);
    case 'path': {
      const [name = '', ...rest] = expression.names;
      if (rest.length > 0 || isRoot(name, roots)) return pathValue(expression, target, roots, takesMany);
      const fits = name === 'true' || name === 'false' ? scalarOf(target) === 'bool' : target.type.kind === 'enum';
      return literal(name, expression.column, target, fits, `'${name}'`);
    }
  }
}

function literal(text: string, column: number, target: FieldDescriptor, fits: boolean, found: string): Value {
  const wrong = (expected: string) => new ExpressionError(column, `expected ${expected}, got ${found}`);
  if (!fits || target.cardinality === 'map') throw wrong(`${describeHeld(heldBy(target))} for '${target.name}'`);
  try {
    const values = [encodeValue(target, text)];
    return { read: () => values, held: single(target), places: [], callerPaths: [] };
  } catch (error) {
    if (!(error instanceof BindError)) throw error;
    throw new ExpressionError(column, `${target.name}: ${error.message}`);
  }
}

function pathValue(expression: PathExpression, target: FieldDescriptor, roots: Roots, takesMany: boolean): Value {
  const { column, names } = expression;
  const place = resolvePlace(expression, roots);
  if (place.kind === 'caller') return callerValue(place, column, target, names.join('.'));
  const { held } = place;
  const expected = heldBy(target);
  // A list can take a single value, but a single value cannot take a list.
  const fits = held.mapKey === expected.mapKey && sameType(held.type, expected.type) && (takesMany || !held.many);
  if (!fits) {
    const text = `expected ${describeHeld(expected)} for '${target.name}', got ${describeHeld(held)}`;
    throw new ExpressionError(column, text);
  }
  const value = { read: compileRead(place), held, places: [place], callerPaths: [] };
  return held.many ? { ...value, items: compileItems(place) } : value;
}

function callerValue({ path }: CallerPlace, column: number, target: FieldDescriptor, name: string): Value {
  if (target.type.kind === 'message' || target.cardinality === 'map') {
    throw new ExpressionError(column, `expected ${describeHeld(heldBy(target))} for '${target.name}', got text`);
  }
  const read = demanded(path, name);
  return {
    read(scope, each) {
      try {
        return [encodeValue(target, read(scope, each))];
      } catch (error) {
        throw error instanceof BindError ? notAllowed(`${name}: ${error.message.split(',')[0]}`) : error;
      }
    },
    held: single(target),
    places: [],
    callerPaths: [path],
  };
}

function single(target: FieldDescriptor): Held {
  return { ...heldBy(target), many: false };
}

/**
 * Reads a value of the caller. Throws 403 if it is missing: an empty text in its place could match data of another
 * caller.
 */
function demanded({ read }: CallerPath, name: string): Read<string> {
  return ({ caller }) => {
    const text = read(caller);
    if (text === undefined) throw notAllowed(`expected a caller with ${name}, got one without it`);
    return text;
  };
}

function notAllowed(message: string): StatusError {
  return gatewayError('NOT_ALLOWED', message);
}

function textValue(expression: TextExpression, target: FieldDescriptor, roots: Roots): Value {
  const { parts, column } = expression;
  const scalar = scalarOf(target);
  const isText = scalar === undefined ? isTextual(target) && target.type.kind === 'message' : scalar === 'string';
  const isConstant = parts.every((part) => typeof part === 'string');
  if (isConstant) return literal(parts.join(''), column, target, isText || scalar === 'bytes', 'text');
  if (!isText || scalar === undefined || target.cardinality === 'map') {
    const text = `expected ${describeHeld(heldBy(target))} for '${target.name}', got text`;
    throw new ExpressionError(column, text);
  }
  const compiled = parts.map((part) => (typeof part === 'string' ? { read: () => part } : textPart(part, roots)));
  return {
    read: (scope, each) => {
      let text = '';
      for (const { read } of compiled) text += read(scope, each);
      return [encodeValue(target, text)];
    },
    held: single(target),
    places: compiled.flatMap((part) => ('place' in part && part.place.kind === 'fields' ? [part.place] : [])),
    callerPaths: compiled.flatMap((part) => ('place' in part && part.place.kind === 'caller' ? [part.place.path] : [])),
  };
}

function textPart(path: PathExpression, roots: Roots): { readonly read: Read<string>; readonly place: Place } {
  const place = resolvePlace(path, roots);
  if (place.kind === 'caller') return { read: demanded(place.path, path.names.join('.')), place };
  const { held } = place;
  if (held.many || held.mapKey !== undefined || held.type.kind === 'message') {
    throw new ExpressionError(
      path.column,
      `expected a single scalar or enum inside of a text, got ${describeHeld(held)}`,
    );
  }
  const read = compileRead(place);
  const { type } = held;
  return { place, read: (scope, each) => valueText({ type, presence: 'implicit' }, read(scope, each).at(-1)) ?? '' };
}

export interface Condition {
  readonly holds: Read<boolean>;
  readonly places: readonly FieldPlace[];
  readonly callerPaths: readonly CallerPath[];
}

/**
 * Compiles a `when`. It is true if the list or map has an element, if a single value is not the default of its type, and if a
 * claim is not one of {@link FALSE_TEXTS}. Throws ExpressionError for an unknown path.
 */
export function compileCondition(path: PathExpression, roots: Roots): Condition {
  const place = resolvePlace(path, roots);
  if (place.kind === 'caller') {
    const { path: caller } = place;
    return { holds: (scope) => !FALSE_TEXTS.has(caller.read(scope.caller)), places: [], callerPaths: [caller] };
  }
  const { type, many, mapKey } = place.held;
  const read = compileRead(place);
  const holds: Read<boolean> = (scope, each) => {
    const values = read(scope, each);
    if (many || mapKey !== undefined) return values.length > 0;
    return values.length > 0 && !isDefaultValue({ type }, values.at(-1)!);
  };
  return { holds, places: [place], callerPaths: [] };
}

/** The texts of a claim that count as false. A missing claim, which is undefined, does too. */
const FALSE_TEXTS: ReadonlySet<string | undefined> = new Set([undefined, '', 'false', '0']);

/** Returns the scalar of a field, or the scalar inside of a wrapper message. */
function scalarOf({ type }: FieldDescriptor): ScalarType | undefined {
  if (type.kind === 'scalar') return type.scalar;
  return type.kind === 'message' ? wrappedScalar(type.message.fullName) : undefined;
}

function isNumeric(target: FieldDescriptor): boolean {
  const scalar = scalarOf(target);
  return scalar !== undefined && scalar !== 'string' && scalar !== 'bytes' && scalar !== 'bool';
}
