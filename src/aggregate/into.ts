/**
 * Where a step's results go: `into`, resolved against the answer, with the lists on its way told apart. A list that the
 * step's `for_each` runs through too is crossed, each result goes into the element it came from; one list that is not
 * crossed is made there, an element per result.
 *
 *     for_each: "lines"   into: "lines.product"   lines is crossed
 *     for_each: "orders"  into: "products"        products is made
 */
import type { FieldDescriptor } from '../schema/descriptor.js';
import type { StatusError } from '../status/status-error.js';
import { type Cell, Draft, type Rows, type Shape } from './answer-draft.js';
import { describeHeld, type FieldPlace, type Held, heldBy, sameType } from './place.js';

export interface Target {
  readonly into: readonly FieldDescriptor[];
  /** How many of the first fields are those of `for_each`, up to the last list; what lies below is filled. */
  readonly shared: number;
  /** The index of the list that is made; undefined: none is. */
  readonly made: number | undefined;
  readonly fill: Fill;
  /** Defined when the step fills elements that other steps may fill too. */
  readonly rows: RowTarget | undefined;
  /** Says of a list that is made that a step has ended well, if only with nothing. */
  readonly answer: (home: Draft) => void;
  /** What reads the target in this message fails from now on. */
  readonly fail: (home: Draft, failure: StatusError, step: number) => void;
}

/** Steps that fill the same elements of a list share a part of its cell, which the first of them to be compiled takes. */
export interface RowGroup {
  part: number | undefined;
}

/** How a step fills rows. */
export interface RowTarget {
  /** The message that the list is in, below one that the step's results belong to. */
  readonly listIn: (home: Draft) => Draft;
  readonly below: (home: Draft) => Rows;
  /** Takes no value or one. Throws BrokenWire. */
  readonly fill: (row: Draft, values: readonly Uint8Array[]) => void;
  readonly fail: (row: Draft, failure: StatusError, step: number) => void;
}

/** Puts a step's results into the message that they belong to. Throws BrokenWire. */
export type Fill = (home: Draft, values: readonly Uint8Array[]) => void;

/** A text: what does not fit. `several`: what one message gets of a step's results are several. */
export function compileTarget(
  place: FieldPlace,
  list: FieldPlace | undefined,
  result: Held,
  shape: Shape,
  group: RowGroup | undefined,
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
  const before = cells.slice(shared, made < 0 ? -1 : made);
  const cell = cells[shared + before.length]!;
  const below = cells.slice(shared + before.length + 1);
  const rows = group === undefined ? undefined : compileRows(before, cell, below, group);
  return {
    into: fields,
    shared,
    made: made < 0 ? undefined : made,
    fill: rows === undefined ? compileFill(before, cell, below) : fillRows(rows),
    rows,
    answer: made < 0 ? () => {} : (home) => only(home, before).answer(cell),
    fail: (home, failure, step) => {
      only(home, before).fail(cell, failure, step);
      rows?.below(home).failAll((row) => rows.fail(row, failure, step));
    },
  };
}

/** The message at the end of some cells, made on the way where there is none. */
function only(home: Draft, cells: readonly Cell[]): Draft {
  let draft = home;
  for (const cell of cells) draft = draft.only(cell);
  return draft;
}

/** How many of the first fields both begin with, up to the last list among them. */
export function sharedFields(into: readonly FieldDescriptor[], list: readonly FieldDescriptor[]): number {
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

function compileFill(before: readonly Cell[], cell: Cell, below: readonly Cell[]): Fill {
  const part = cell.parts++;
  if (below.length === 0) return (home, values) => only(home, before).put(cell, part, values);
  const fillBelow = compileFill(below.slice(0, -1), below.at(-1)!, []);
  return function fill(home, values) {
    const elements = values.map((value) => {
      const element = new Draft(cell.child!);
      fillBelow(element, [value]);
      return element;
    });
    only(home, before).putDrafts(cell, part, elements);
  };
}

function fillRows({ below, fill }: RowTarget): Fill {
  return (home, values) => {
    const rows = below(home);
    for (const [index, value] of values.entries()) fill(rows.at(index), [value]);
  };
}

function compileRows(before: readonly Cell[], cell: Cell, below: readonly Cell[], group: RowGroup): RowTarget {
  group.part ??= cell.parts++;
  const { part } = group;
  const listIn = (home: Draft) => only(home, before);
  const place = { listIn, below: (home: Draft) => listIn(home).rows(cell, part) };
  const last = below.at(-1);
  if (last === undefined) {
    const fill: RowTarget['fill'] = (row, values) => {
      for (const value of values) row.absorb(value);
    };
    return { ...place, fill, fail: () => {} };
  }
  const inside = below.slice(0, -1);
  const fill = compileFill(inside, last, []);
  return { ...place, fill, fail: (row, failure, step) => only(row, inside).fail(last, failure, step) };
}
