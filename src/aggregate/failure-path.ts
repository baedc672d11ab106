/** Finds the path at which a part of the answer is missing, in the names that clients see: `city`, `lines[3].product`. */
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { Draft, Node } from './answer-draft.js';
import type { PlannedStep } from './step.js';

export interface FailurePlace {
  /** The message of the answer that lacks the part. */
  readonly home: Draft;
  /** The index of the element in each list between the answer and `home`. */
  readonly indices: readonly number[];
  /** The element, in a list below `home`, that lacks the part; absent when the part is missing in all of `home`. */
  readonly row?: Draft;
}

/**
 * Returns the path of a failure. Call it when all steps have ended, because other steps may put elements before this one into
 * the list and so change its index. `place` is undefined when the step failed as a whole.
 */
export function failurePath(
  { target, shown, path }: PlannedStep,
  place: FailurePlace | undefined,
  positions: Positions,
): string {
  if (target === undefined || place === undefined) return shown;
  const { home, indices, row } = place;
  const { into, shared, made, rows } = target;
  if (shared === 0 && row === undefined) return shown;
  const known = [...indices];
  if (row !== undefined && rows !== undefined) known.push(positions.of(rows.listIn(home), into[made!]!, row));
  let list = 0;
  return into
    .map(({ cardinality }, index) => {
      const isIndexed = cardinality === 'repeated' && (index < shared || (index === made && row !== undefined));
      return isIndexed ? `${path[index]}[${known[list++]}]` : path[index];
    })
    .join('.');
}

/** Returns the path relative to a field of the answer. A path that does not lead into the field is returned unchanged. */
export function pathWithin(path: string, field: string): string {
  if (path.startsWith(`${field}.`)) return path.slice(field.length + 1);
  return path.startsWith(`${field}[`) ? path.slice(field.length) : path;
}

/** Finds the index of an element (`row`) in its list, and reads each list only once. */
export class Positions {
  private readonly byList = new Map<Draft, Map<FieldDescriptor, ReadonlyMap<Node, number>>>();

  of(message: Draft, list: FieldDescriptor, row: Draft): number {
    let lists = this.byList.get(message);
    if (lists === undefined) {
      lists = new Map();
      this.byList.set(message, lists);
    }
    let positions = lists.get(list);
    if (positions === undefined) {
      positions = new Map(message.nodes(list).map((node, index) => [node, index]));
      lists.set(list, positions);
    }
    return positions.get(row)!;
  }
}
