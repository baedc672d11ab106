/**
 * Where a step's results go: `into`, resolved against the answer, with the lists on its way told apart. A list that the
 * step's `for_each` runs through too is crossed, each result goes into the element it came from; one list that is not
 * crossed is made there, an element per result.
 *
 *     for_each: "lines"   into: "lines.product"   lines is crossed
 *     for_each: "orders"  into: "products"        products is made
 */
import type { FieldDescriptor } from '../schema/descriptor.js';
import { type Cell, Draft, type Shape } from './draft.js';
import { describeHeld, type FieldPlace, type Held, heldBy, sameType } from './place.js';

export interface Target {
  readonly into: readonly FieldDescriptor[];
  /** How many of the first fields are those of `for_each`, up to the last list; what lies below is filled. */
  readonly shared: number;
  /** The index of the list that is made; undefined: none is. */
  readonly made: number | undefined;
  readonly fill: Fill;
  /** What reads the target in this message fails from now on. */
  readonly fail: (home: Draft, failure: Parameters<Draft['fail']>[1]) => void;
}

/** Puts a step's results into the message that they belong to. Throws BrokenWire. */
export type Fill = (home: Draft, values: readonly Uint8Array[]) => void;

/** A text: what does not fit. `several`: what one message gets of a step's results are several. */
export function compileTarget(
  place: FieldPlace,
  list: FieldPlace | undefined,
  result: Held,
  shape: Shape,
): Target | string {
  const { fields } = place;
  const shared = list?.root.kind === 'response' ? sharedFields(fields, list.fields) : 0;
  const made = fields.findIndex(({ cardinality }, index) => index >= shared && cardinality === 'repeated');
  const last = heldBy(fields.at(-1)!);
  if (!sameType(last.type, result.type) || last.mapKey !== result.mapKey) {
    return `expected ${describeHeld({ ...last, many: result.many })}, got ${describeHeld(result)}`;
  }
  const second = fields.findIndex(({ cardinality }, index) => index > made && cardinality === 'repeated');
  if (made >= 0 && second >= 0) {
    return `expected one list that for_each does not run through, got ${fields[made]!.name} and ${fields[second]!.name}`;
  }
  const severalElements = list !== undefined && list.fields.length > shared;
  const isMap = last.mapKey !== undefined;
  if (made < 0 && (result.many || severalElements)) {
    return `expected a list for ${result.many ? describeHeld(result) : 'a result per element'}, got one ${fields.at(-1)!.name}`;
  }
  if (made >= 0 && isMap) return `expected a map outside of the list ${fields[made]!.name}`;
  const cells = cellsOf(fields, shape);
  return {
    into: fields,
    shared,
    made: made < 0 ? undefined : made,
    fill: compileFill(cells.slice(shared), made < 0 ? -1 : made - shared),
    fail: (home, failure) => {
      let draft = home;
      for (const cell of cells.slice(shared, made < 0 ? -1 : made)) draft = draft.only(cell);
      draft.fail(cells[made < 0 ? cells.length - 1 : made]!, failure);
    },
  };
}

/** The fields that both begin with, up to the last list among them. */
function sharedFields(into: readonly FieldDescriptor[], list: readonly FieldDescriptor[]): number {
  let shared = 0;
  for (let i = 0; i < into.length - 1 && into[i] === list[i]; i++) {
    if (into[i]!.cardinality === 'repeated') shared = i + 1;
  }
  return shared;
}

/** The cells on the way, made where there are none. */
function cellsOf(fields: readonly FieldDescriptor[], shape: Shape): readonly Cell[] {
  let inside = shape;
  return fields.map((field, index) => {
    const cell = inside.cell(field);
    if (index < fields.length - 1) inside = inside.child(field);
    return cell;
  });
}

function compileFill(cells: readonly Cell[], made: number): Fill {
  const before = made < 0 ? cells.slice(0, -1) : cells.slice(0, made);
  const cell = cells[before.length]!;
  const part = cell.parts++;
  const below = cells.slice(before.length + 1);
  const fillBelow = below.length === 0 ? undefined : compileFill(below, -1);
  return function fill(home, values) {
    let draft = home;
    for (const one of before) draft = draft.only(one);
    if (fillBelow === undefined) draft.put(cell, part, values);
    else {
      const elements = values.map((value) => {
        const element = new Draft(cell.child!);
        fillBelow(element, [value]);
        return element;
      });
      draft.putDrafts(cell, part, elements);
    }
  };
}
