/**
 * A `copy` from a field of a list's elements into another field of the same elements works as if it had a `for_each`:
 *
 *     into: "lines.title" copy: "lines.product.title"   is   for_each: "lines" into: "lines.title" copy: "each.product.title"
 */
import { ExpressionError, type PathExpression, parseExpression, parsePath } from '../paths/expression.js';
import type { StepDeclaration } from './declaration.js';
import { sharedFields } from './into.js';
import { type FieldPlace, heldBy, type Roots, resolvePlace, responsePlace } from './place.js';

export interface CopyInside {
  readonly list: FieldPlace;
  /** The copied path, beginning with `each`. Its column is shifted so that errors point into the text of the declaration. */
  readonly copy: PathExpression;
}

/** Returns the `for_each` form of such a copy. Undefined for any other step, and for an error, which `compileStep` reports. */
export function copyInside({ into, copy }: StepDeclaration, roots: Roots): CopyInside | undefined {
  if (into === '' || copy === '') return undefined;
  try {
    const expression = parseExpression(copy);
    if (expression.kind !== 'path') return undefined;
    const place = resolvePlace(expression, roots);
    if (place.kind !== 'fields' || place.root.kind !== 'response') return undefined;
    const target = parsePath(into);
    const shared = sharedFields(responsePlace(target.names, target.column, roots.response).fields, place.fields);
    if (shared === 0 || shared === place.fields.length) return undefined;
    const fields = place.fields.slice(0, shared);
    const before = expression.names.slice(0, shared).join('.').length - 'each'.length;
    return {
      list: { kind: 'fields', root: { kind: 'response' }, fields, held: heldBy(fields.at(-1)!) },
      copy: { kind: 'path', names: ['each', ...expression.names.slice(shared)], column: expression.column + before },
    };
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}
