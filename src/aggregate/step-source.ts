/** Compiles the source of a step's result: a call with its request, or a copied value. */
import {
  type Expression,
  ExpressionError,
  type PathExpression,
  parseEquality,
  parseExpression,
} from '../paths/expression.js';
import { fieldOf } from '../routing/field-path.js';
import type { FieldDescriptor, MessageDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import type { StepSignature } from './called-rpc.js';
import type { StepDeclaration } from './declaration.js';
import { describeHeld, type FieldPlace, heldBy, type Roots, responsePlace, sameType } from './place.js';
import type { Read } from './reads.js';
import type { StepProblems } from './step-problems.js';
import { StepRequest } from './step-request.js';
import { compileValue, type Value } from './value.js';

export interface StepCall {
  readonly method: MethodDescriptor;
  readonly request: StepRequest;
  readonly take: FieldDescriptor | undefined;
  readonly batch: Batch | undefined;
}

/**
 * The way in which a step with `key` makes a call for several elements of `for_each` at once. A field of each result
 * says for which element the result is.
 */
export interface Batch {
  readonly size: number;
  /** The repeated field of the request to which each element adds a value, such as `ids`. */
  readonly field: FieldDescriptor;
  /** Reads the value that an element puts into `field`. */
  readonly value: Read<readonly Uint8Array[]>;
  /** The field of a result that identifies its element. */
  readonly key: FieldDescriptor;
}

export interface CopySource {
  readonly kind: 'copy';
  readonly value: Value;
}

export interface CallSource {
  readonly kind: 'call';
  readonly call: StepCall;
  /** The values of all `with` of the step. */
  readonly values: readonly Value[];
}

/**
 * Compiles the `copy` of a step. Returns undefined if there is a problem, which is reported. `copied` replaces the expression
 * of the declaration, if the copy is one inside each element of a list (`copy-inside.ts`).
 */
export function copySource(
  step: StepDeclaration,
  copied: Expression | undefined,
  place: FieldPlace | undefined,
  roots: Roots,
  problems: StepProblems,
): CopySource | undefined {
  const { positions } = step;
  if (step.into === '')
    return problems.add(positions.copy, 'aggregate-step', 'copy: expected into in the same step, got only a name');
  for (const [what, used, at] of [
    ['with', step.with.length > 0, positions.with[0]],
    ['take', step.take !== '', positions.take],
    ['key', step.key !== '', positions.key],
  ] as const) {
    if (used) problems.add(at ?? step.position, 'aggregate-step', `${what}: expected call in the same step, got copy`);
  }
  const last = place?.fields.at(-1);
  if (last === undefined) return undefined;
  const value = problems.within(positions.copy, 'copy', () =>
    compileValue(copied ?? parseExpression(step.copy), last, roots, true),
  );
  return value && { kind: 'copy', value };
}

export function callSource(
  step: StepDeclaration,
  signature: StepSignature,
  roots: Roots,
  problems: StepProblems,
): CallSource {
  const { positions } = step;
  const { method, take } = signature;
  const request = new StepRequest(method.input);
  const values: Value[] = [];
  let batch: Batch | undefined;
  for (const [i, text] of step.with.entries()) {
    const position = positions.with[i] ?? step.position;
    const assigned = problems.within(position, `with '${text}'`, () => assignment(text, method.input, roots));
    if (assigned === undefined) continue;
    const { path, value, readsEach } = assigned;
    values.push(value);
    const field = path.at(-1)!;
    if (step.key === '' || !readsEach) {
      if (!request.assign(path, value.read)) {
        problems.add(position, 'aggregate-step', `with '${text}': expected a field that no other with assigns`);
      }
      continue;
    }
    if (batch !== undefined || path.length > 1 || field.cardinality !== 'repeated') {
      problems.add(
        position,
        'aggregate-step',
        `with '${text}': in a step with key, expected exactly one with that reads each and assigns a list of the request`,
      );
    } else {
      const key = keyField(step, signature, field, problems);
      if (key !== undefined) batch = { size: step.batchSize || step.maxItems, field, value: value.read, key };
    }
  }
  if (step.key !== '' && step.forEach === '')
    problems.add(positions.key, 'aggregate-step', 'key: expected for_each in the same step, got none');
  else if (step.key !== '' && batch === undefined && !problems.found) {
    problems.add(positions.key, 'aggregate-step', "key: expected a with that reads 'each' in the same step, got none");
  }
  return { kind: 'call', values, call: { method, request, take, batch } };
}

/**
 * Returns the field of a result that identifies its element; undefined if `key` is wrong, which is reported. `of` is
 * the field of the request that takes the elements.
 */
function keyField(
  step: StepDeclaration,
  { held }: StepSignature,
  of: FieldDescriptor,
  problems: StepProblems,
): FieldDescriptor | undefined {
  const wrongKey = (text: string) => problems.add(step.positions.key, 'aggregate-type', `key: ${text}`);
  if (!held.many || held.type.kind !== 'message') {
    return wrongKey(`expected take to name a list of messages, got ${describeHeld(held)}`);
  }
  const field = fieldOf(held.type.message, step.key);
  if (field === undefined) return wrongKey(`expected a field of ${held.type.message.fullName}, got '${step.key}'`);
  if (field.cardinality === 'singular' && field.type.kind !== 'message' && sameType(field.type, of.type)) return field;
  return wrongKey(`expected ${describeHeld({ ...heldBy(of), many: false })}, got ${describeHeld(heldBy(field))}`);
}

/** Compiles one `with`, such as `customer_id = request.id`. Throws ExpressionError if it is wrong. */
function assignment(text: string, input: MessageDescriptor, roots: Roots) {
  const { left, right } = parseEquality(text);
  if (left.kind !== 'path')
    throw new ExpressionError(left.column, `expected a field of ${input.fullName}, got a ${left.kind}`);
  const path = assignedPath(left, input);
  const field = path.at(-1)!;
  return { path, value: compileValue(right, field, roots), readsEach: readsEach(right) };
}

function assignedPath({ names, column }: PathExpression, input: MessageDescriptor): readonly FieldDescriptor[] {
  const { fields, held } = responsePlace(names, column, input);
  const list = fields.slice(0, -1).find(({ cardinality }) => cardinality !== 'singular');
  if (list === undefined) return fields;
  throw new ExpressionError(
    column,
    `expected single messages before the last field, but ${list.name} is ${describeHeld({ ...held, ...heldBy(list) })}`,
  );
}

function readsEach(expression: Expression): boolean {
  if (expression.kind === 'path') return expression.names[0] === 'each';
  return expression.kind === 'text' && expression.parts.some((part) => typeof part !== 'string' && readsEach(part));
}
