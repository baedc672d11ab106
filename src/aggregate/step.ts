/** This module compiles one step of an aggregate: it checks the declaration, and builds the functions that run. */

import type { Position } from '../base/diagnostic.js';
import type { CallerPath } from '../paths/caller.js';
import { ExpressionError, parsePath } from '../paths/expression.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { Shape } from './answer-draft.js';
import type { StepSignature } from './called-rpc.js';
import { copyInside } from './copy-inside.js';
import type { StepDeclaration } from './declaration.js';
import { compileTarget, type RowGroup, type Target } from './into.js';
import { describeHeld, type FieldPlace, type Held, type Roots, resolvePlace, responsePlace } from './place.js';
import { compileElements, type Element, type Read } from './reads.js';
import { type Report, StepProblems } from './step-problems.js';
import { type CopySource, callSource, copySource, type StepCall } from './step-source.js';
import { compileCondition } from './value.js';

export interface PlannedStep {
  readonly index: number;
  /** The `name` or the `into` of the step, as it is written. */
  readonly label: string;
  /** The step's name in failures that clients see: its `name`, or else the JSON path that it fills. */
  readonly shown: string;
  readonly position: Position;
  readonly declaration: StepDeclaration;
  readonly optional: boolean;
  readonly source: { readonly kind: 'call'; readonly call: StepCall } | CopySource;
  /**
   * The place in the answer that the step fills. Undefined when its result has a name and is not part of the answer.
   */
  readonly target: Target | undefined;
  readonly into: readonly FieldDescriptor[] | undefined;
  /** The names of the fields of `into` as clients see them. */
  readonly path: readonly string[];
  /** The list whose elements the step makes, or otherwise the field that it fills. */
  readonly makes: readonly FieldDescriptor[] | undefined;
  /** The lists whose lengths decide how many values the step puts into the answer. */
  readonly lists: readonly FieldPlace[];
  readonly elements: Read<readonly Element[]> | undefined;
  readonly maxItems: number;
  readonly when: Read<boolean> | undefined;
  /** All places that the step reads. In a path that begins with `each`, the path of the `for_each` list replaces `each`. */
  readonly reads: readonly FieldPlace[];
  /** The paths of the caller that the step reads. */
  readonly callerPaths: readonly CallerPath[];
  /** True if the step fails when a claim is missing, because a value that it sends or copies reads the caller. */
  readonly needsCaller: boolean;
  /** The largest number of calls that the step can make. */
  readonly calls: number;
}

export interface StepParts {
  readonly step: StepDeclaration;
  readonly index: number;
  readonly signature: StepSignature | undefined;
  /** The names with which paths of all steps may begin: without `each`, which belongs to one step. */
  readonly outer: Roots;
  readonly shape: Shape;
  /**
   * The group of steps that fill the same list elements; undefined when the step makes no list of messages, or is a call that
   * makes the list alone.
   */
  readonly rows: RowGroup | undefined;
  /** Returns the name under which clients see a field. */
  readonly nameOf: (field: FieldDescriptor) => string;
  readonly report: Report;
}

/** Compiles a step. Undefined when the step has an error, which is reported. */
export function compileStep(parts: StepParts): PlannedStep | undefined {
  const { step, index, signature, outer, shape } = parts;
  const { positions } = step;
  const problems = new StepProblems(parts.report);
  const place =
    step.into === '' ? undefined : problems.within(positions.into, 'into', () => intoPlace(step.into, outer.response));
  const inside = step.forEach === '' ? copyInside(step, outer) : undefined;
  const list =
    step.forEach === ''
      ? inside?.list
      : problems.within(positions.forEach, 'for_each', () => listPlace(step.forEach, outer));
  checkUse(step, problems);
  const each = list === undefined ? undefined : { ...list.held, many: false };
  const roots: Roots = { ...outer, each };
  const reads: FieldPlace[] = [];
  const when =
    step.when === ''
      ? undefined
      : problems.within(positions.when, 'when', () => compileCondition(parsePath(step.when), roots));
  const source =
    step.copy === ''
      ? signature && callSource(step, signature, roots, problems)
      : copySource(step, inside?.copy, place, roots, problems);
  const target =
    place === undefined || problems.found || source === undefined ? undefined : targetOf(place, resultOf(source));
  if (problems.found || source === undefined) return undefined;

  const values = source.kind === 'copy' ? [source.value] : source.values;
  for (const { places } of [...values, ...(when === undefined ? [] : [when])]) reads.push(...places.map(spelledOut));
  const made = target?.made;
  const path = target?.into.map(parts.nameOf) ?? [];
  return {
    index,
    label: step.name || step.into,
    shown: step.name || path.join('.'),
    position: step.position,
    declaration: step,
    optional: step.optional,
    source: source.kind === 'copy' ? source : { kind: 'call', call: source.call },
    target,
    into: target?.into,
    path,
    makes: made === undefined ? target?.into : target?.into.slice(0, made + 1),
    lists: [...(list === undefined ? [] : [list]), ...copiedLists()],
    elements: list === undefined ? undefined : compileElements(list, target?.shared ?? 0),
    maxItems: step.forEach === '' ? Number.POSITIVE_INFINITY : step.maxItems,
    when: when?.holds,
    reads,
    callerPaths: [...values, ...(when === undefined ? [] : [when])].flatMap(({ callerPaths }) => callerPaths),
    needsCaller: values.some(({ callerPaths }) => callerPaths.length > 0),
    calls: callsOf(),
  };

  function callsOf(): number {
    if (step.copy !== '') return 0;
    if (step.forEach === '') return 1;
    return step.key === '' ? step.maxItems : Math.ceil(step.maxItems / (step.batchSize || step.maxItems));
  }

  /** Returns the list that is copied, if each of its elements makes an element of the target. */
  function copiedLists(): readonly FieldPlace[] {
    const place = source?.kind === 'copy' && target?.rows !== undefined ? source.value.places[0] : undefined;
    if (place === undefined || !place.held.many) return [];
    const end = place.fields.findLastIndex(({ cardinality }) => cardinality === 'repeated') + 1;
    return [spelledOut({ ...place, fields: place.fields.slice(0, end) })];
  }

  function spelledOut(read: FieldPlace): FieldPlace {
    if (read.root.kind !== 'each' || list === undefined) return read;
    return { ...read, root: list.root, fields: [...list.fields, ...read.fields] };
  }

  /** Returns the type of the step's result. With `key`, it is the type of one result of the list that the call returns. */
  function resultOf(of: NonNullable<typeof source>): Held {
    if (of.kind === 'copy') return of.value.held;
    return step.key === '' ? signature!.held : { ...signature!.held, many: false };
  }

  function targetOf(at: FieldPlace, held: Held): Target | undefined {
    const compiled = compileTarget(at, list, held, shape, parts.rows);
    return typeof compiled === 'string'
      ? problems.add(positions.into, 'aggregate-type', `into: ${compiled}`)
      : compiled;
  }
}

/** Reports keys of the declaration that need another key next to them. */
function checkUse(step: StepDeclaration, problems: StepProblems): void {
  const { positions } = step;
  if (step.forEach !== '' && step.maxItems === 0) {
    problems.add(
      positions.forEach,
      'aggregate-cost',
      'max_items: expected the largest number of elements of for_each, got none',
    );
  }
  if (step.forEach === '' && step.maxItems !== 0) {
    problems.add(positions.maxItems, 'aggregate-step', 'max_items: expected for_each in the same step, got none');
  }
  if (step.into === '' && step.name === '') {
    problems.add(step.position, 'aggregate-step', 'expected into or name, got neither');
  }
}

/** Finds the list to which the path in `for_each` leads. Throws ExpressionError if it leads to no list. */
function listPlace(text: string, roots: Roots): FieldPlace {
  const path = parsePath(text);
  const place = resolvePlace(path, roots);
  const isStep = place.kind === 'fields' && place.root.kind === 'step' && place.fields.length === 0;
  const last = place.kind === 'fields' ? place.fields.at(-1) : undefined;
  if (place.kind === 'fields' && (isStep ? place.held.many : last?.cardinality === 'repeated')) return place;
  const found = place.kind === 'caller' ? 'text' : describeHeld(place.held);
  throw new ExpressionError(path.column, `expected a list, got ${found}`);
}

/** Finds the field of the answer to which an `into` leads. Throws ExpressionError if there is no such field. */
function intoPlace(text: string, response: MessageDescriptor): FieldPlace {
  const { names, column } = parsePath(text);
  return responsePlace(names, column, response);
}
