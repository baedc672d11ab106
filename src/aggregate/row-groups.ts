/**
 * Finds the steps that fill the same list elements (rows) together: those that make one list of the answer from the elements of
 * the same other list.
 *
 *     name: "raw"  …  into: "lines.id" copy: "raw.id"   into: "lines.product" for_each: "raw" call: …
 *     → lines: [ { id, product }, { id, product } ], one for each element of raw
 *
 * The groups are known when the schema is loaded. Steps that fill the same field cannot fill the same elements: each of
 * them makes elements of its own.
 */
import { ExpressionError, parseExpression, parsePath } from '../paths/expression.js';
import type { StepSignature } from './called-rpc.js';
import { copyInside } from './copy-inside.js';
import type { StepDeclaration } from './declaration.js';
import { type RowGroup, sharedFields } from './into.js';
import { type FieldPlace, isRoot, type Roots, resolvePlace, responsePlace } from './place.js';

interface Making {
  /**
   * A key of two lists: that in the answer, and that from whose elements the step makes it. Steps with the same key may share
   * rows.
   */
  readonly from: string;
  readonly into: string;
  readonly isCopy: boolean;
}

/**
 * Returns the group of each step. It is undefined when the step makes no list of messages, or is a call that makes the
 * list alone. Such a call makes an element for each distinct result. A copy makes an element for each element of its list.
 */
export function rowGroups(
  steps: readonly StepDeclaration[],
  signatures: readonly (StepSignature | undefined)[],
  roots: Roots,
): readonly (RowGroup | undefined)[] {
  const makings = steps.map((step, index) => makingOf(step, signatures[index], roots));
  const groups: { readonly from: string; readonly intos: Set<string>; readonly row: RowGroup }[] = [];
  const found = makings.map((making) => {
    if (making === undefined) return undefined;
    const { from, into } = making;
    let group = groups.find((one) => one.from === from && !one.intos.has(into));
    if (group === undefined) {
      group = { from, intos: new Set(), row: { part: undefined } };
      groups.push(group);
    }
    group.intos.add(into);
    return group;
  });
  return found.map((group, index) =>
    group && (makings[index]!.isCopy || group.intos.size > 1) ? group.row : undefined,
  );
}

/**
 * Returns the list whose elements the step makes. Undefined when it makes no list of messages, or has an error, which
 * `compileStep` reports.
 */
function makingOf(step: StepDeclaration, signature: StepSignature | undefined, roots: Roots): Making | undefined {
  if (step.into === '' || copyInside(step, roots) !== undefined) return undefined;
  try {
    const { names, column } = parsePath(step.into);
    const { fields } = responsePlace(names, column, roots.response);
    const list = step.forEach === '' ? undefined : fieldPlaceOf(step.forEach, roots);
    const shared = list?.root.kind === 'response' ? sharedFields(fields, list.fields) : 0;
    const made = fields.findIndex(({ cardinality }, index) => index >= shared && cardinality === 'repeated');
    if (made < 0 || fields[made]!.type.kind !== 'message') return undefined;
    const source = step.copy === '' ? calledFor(step, signature, list) : copiedFrom(step.copy, list, roots);
    if (source === undefined) return undefined;
    const from = JSON.stringify([fields.slice(0, made + 1).map(({ number }) => number), ...source]);
    return { from, into: JSON.stringify(fields.map(({ number }) => number)), isCopy: step.copy !== '' };
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

function fieldPlaceOf(text: string, roots: Roots): FieldPlace | undefined {
  const place = resolvePlace(parsePath(text), roots);
  return place.kind === 'fields' ? place : undefined;
}

/**
 * Returns the key of the `for_each` list of a step that calls; undefined if an element of the list may have several results.
 */
function calledFor(step: StepDeclaration, signature: StepSignature | undefined, list: FieldPlace | undefined) {
  if (list === undefined || signature === undefined || (signature.held.many && step.key === '')) return undefined;
  return keyOf(list);
}

/** Returns the key of the last list on the copied path or, if there is none, of the `for_each` list. */
function copiedFrom(copy: string, list: FieldPlace | undefined, roots: Roots) {
  const expression = parseExpression(copy);
  const each = list && { ...list.held, many: false };
  const isPath = expression.kind === 'path' && isRoot(expression.names[0]!, roots);
  const place = isPath ? resolvePlace(expression, { ...roots, each }) : undefined;
  if (place?.kind !== 'fields' || !place.held.many) return list && keyOf(list);
  const end = place.fields.findLastIndex(({ cardinality }) => cardinality === 'repeated') + 1;
  const source = { ...place, fields: place.fields.slice(0, end) };
  if (source.root.kind !== 'each' || list === undefined) return keyOf(source);
  return keyOf({ ...list, fields: [...list.fields, ...source.fields] });
}

function keyOf({ root, fields }: FieldPlace): readonly unknown[] {
  return [root, fields.map(({ number }) => number)];
}
