/** Where in the answer a part is missing, as its client would name it: `city`, `lines[3].product`. */
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { Draft, Node } from './answer-draft.js';
import type { PlannedStep } from './step.js';

export interface FailurePlace {
  /** What of the answer lacks the part. */
  readonly home: Draft;
  /** Of each list between the answer and `home`, which element. */
  readonly indices: readonly number[];
  /** The element of a list that is made below `home`, if the part is missing in it alone. */
  readonly row?: Draft;
}

/**
 * To be called when all steps have ended: other steps may put elements in front of a row. Without `place` the step failed
 * as a whole.
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

/** The path as seen from a field of the answer. A path that does not lead into the field stays as it is. */
export function pathWithin(path: string, field: string): string {
  if (path.startsWith(`${field}.`)) return path.slice(field.length + 1);
  return path.startsWith(`${field}[`) ? path.slice(field.length) : path;
}

/** Finds the index of a row in its list, and reads each list once. */
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
