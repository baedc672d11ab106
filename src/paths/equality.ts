/**
 * This module compiles the `require` of a policy: an equality that reads a request and its caller. It is checked
 * against the request's type.
 *
 *     request.customer = caller.claims.customer
 *     request.parent = 'customers/{caller.claims.customer}'
 *
 * Both sides are compared as text, numbers in decimal and enums by name. An absent value is equal to nothing: an unset
 * field with presence, or a claim that is missing, empty, a list, an object or a number beyond 2^53.
 */
import { resolveScalar } from '../routing/field-path.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { type CallerPath, callerPath, type PathCaller } from './caller.js';
import { type Expression, ExpressionError, type PathExpression, parseEquality } from './expression.js';
import { compilePresence, type FieldPresence } from './field-presence.js';
import { readFieldText } from './field-text.js';

export interface Equality {
  /** The equality as it is written. */
  readonly text: string;
  /** The fields of the request that it reads. */
  readonly requestFields: readonly (readonly FieldDescriptor[])[];
  /** The paths of the caller that it reads. */
  readonly callerPaths: readonly CallerPath[];
  /** True if it reads the caller. Then it does not hold for a request without a caller. */
  readonly readsCaller: boolean;
  holds(request: Uint8Array, caller: PathCaller | undefined): boolean;
  /**
   * Returns the same for a message after the first of its stream. It is also true if the message does not set any of
   * the fields. `head` is a message with the values of path, query and content type. It is read for fields that the
   * message leaves out.
   */
  holdsBehind(message: Uint8Array, caller: PathCaller | undefined, head: Uint8Array): boolean;
}

type Read = (request: Uint8Array, caller: PathCaller | undefined, head?: Uint8Array) => string | undefined;

/** One side of an equality. `field` is the field whose values a literal on the other side must fit. */
interface Operand {
  readonly read: Read;
  readonly field?: FieldDescriptor;
  readonly literal?: string;
  readonly column: number;
}

/**
 * Compiles an equality. Throws ExpressionError if it cannot be parsed, for an unknown root or field, and for a literal
 * of another type.
 */
export function compileEquality(text: string, request: MessageDescriptor): Equality {
  const { left, right } = parseEquality(text);
  const compiler = new Compiler(request);
  const { presences } = compiler;
  const [a, b] = [compiler.operand(left), compiler.operand(right)];
  checkLiteral(a, b);
  checkLiteral(b, a);
  return {
    text,
    requestFields: compiler.requestFields,
    callerPaths: compiler.callerPaths,
    readsCaller: compiler.callerPaths.length > 0,
    holds: (bytes, caller) => equal(bytes, caller),
    holdsBehind: (bytes, caller, head) => !presences.some(({ isSet }) => isSet(bytes)) || equal(bytes, caller, head),
  };

  function equal(...from: Parameters<Read>): boolean {
    const value = a.read(...from);
    return value !== undefined && value === b.read(...from);
  }
}

class Compiler {
  readonly requestFields: (readonly FieldDescriptor[])[] = [];
  readonly callerPaths: CallerPath[] = [];
  /** The checks of each field, in the order of `requestFields`. */
  readonly presences: FieldPresence[] = [];

  constructor(private readonly request: MessageDescriptor) {}

  operand(expression: Expression): Operand {
    const { column } = expression;
    switch (expression.kind) {
      case 'number': {
        const text = canonical(expression.text);
        return { read: () => text, literal: text, column };
      }
      case 'path':
        return expression.names.length === 1 ? word(expression) : this.path(expression);
      case 'text': {
        const parts = expression.parts.map((part) => (typeof part === 'string' ? () => part : this.path(part).read));
        return { read: (...from) => joined(parts, ...from), column };
      }
    }
  }

  private path(path: PathExpression): Operand {
    const [root, ...names] = path.names;
    if (root === 'request') return this.requestPath(path, names);
    if (root === 'caller') return this.callerPath(path, names);
    throw new ExpressionError(path.column, `expected a path from request or caller, got '${root}'`);
  }

  private requestPath({ column }: PathExpression, names: readonly string[]): Operand {
    if (names.length === 0) throw new ExpressionError(column, 'expected a field of the request');
    const resolved = resolveScalar(this.request, names.join('.'));
    if (resolved.kind === 'failed') {
      throw new ExpressionError(column + 'request.'.length + resolved.offset, resolved.text);
    }
    const { fields } = resolved;
    const presence = compilePresence(fields);
    this.requestFields.push(fields);
    this.presences.push(presence);
    const read: Read = (bytes, _caller, head) =>
      readFieldText(head === undefined || presence.decides(bytes) ? bytes : head, fields);
    return { read, field: fields.at(-1)!, column };
  }

  private callerPath({ column }: PathExpression, names: readonly string[]): Operand {
    const path = callerPath(names, column);
    this.callerPaths.push(path);
    return { read: (_request, caller) => path.read(caller), column };
  }
}

/**
 * Returns the usual form of a number: `1e3` and `1000.0` become `1000`. A whole number beyond 2^53 stays as it is written,
 * because a double would change it.
 */
function canonical(number: string): string {
  const value = Number(number);
  return /^-?\d+$/.test(number) && !Number.isSafeInteger(value) ? number : String(value);
}

/**
 * Returns the operand for `true`, `false` or the name of an enum value. The field on the other side decides which of
 * them it is.
 */
function word({ names: [text = ''], column }: PathExpression): Operand {
  return { read: () => text, literal: text, column };
}

function joined(parts: readonly Read[], ...from: Parameters<Read>): string | undefined {
  let text = '';
  for (const part of parts) {
    const value = part(...from);
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}

/** Throws ExpressionError if the field on the other side cannot have the value of the literal. */
function checkLiteral(literal: Operand, { field, literal: other }: Operand): void {
  const { literal: text, column } = literal;
  if (text === undefined) return;
  if (other !== undefined) throw new ExpressionError(column, `expected a path on one side, got '${text}'`);
  const number = /^[-\d]/.test(text);
  if (field === undefined) {
    if (number || text === 'true' || text === 'false') return;
    throw new ExpressionError(column, `expected a path, a text in '…', a number, true or false, got '${text}'`);
  }
  const { type } = field;
  if (type.kind === 'enum') {
    if (type.enum.numberOf(text) !== undefined) return;
    throw new ExpressionError(column, `expected a value of ${type.enum.fullName}, got '${text}'`);
  }
  const scalar = type.kind === 'scalar' ? type.scalar : 'message';
  if (scalar === 'bool' && (text === 'true' || text === 'false')) return;
  if (scalar !== 'string' && scalar !== 'bytes' && scalar !== 'bool' && number) return;
  throw new ExpressionError(column, `expected a ${scalar}${scalar === 'string' ? " in '…'" : ''}, got '${text}'`);
}
