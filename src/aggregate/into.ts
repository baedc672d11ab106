/**
 * Resolves `into`, the path in the answer to which a step's results go. A list on the path that the step's `for_each`
 * runs through is crossed: each result goes into the element that it came from. One list that is not crossed is made:
 * each result becomes an element.
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
  /** The number of leading fields that `into` shares with `for_each`, up to the last shared list. */
  readonly shared: number;
  /** The index in `into` of the list that is made; undefined when none is. */
  readonly made: number | undefined;
  readonly fill: Fill;
  /** Defined when the step fills elements of a list that other steps may fill too. */
  readonly rows: RowTarget | undefined;
  /** Marks the list that the step makes as present, even if it stays empty. Does nothing when no list is made. */
  readonly answer: (home: Draft) => void;
  /** Makes later reads of the target in this message fail. `step` is the index of the step that failed. */
  readonly fail: (home: Draft, failure: StatusError, step: number) => void;
}

/**
 * Steps that fill the same elements of a list. They share a part of the list's cell, which the first compiled step
 * reserves.
 */
export interface RowGroup {
  part: number | undefined;
}

/** The functions with which a step fills rows: elements of a list that other steps may fill too. */
export interface RowTarget {
  /** Returns the message that contains the list: `home`, or a message inside it. */
  readonly listIn: (home: Draft) => Draft;
  readonly below: (home: Draft) => Rows;
  /** Fills an element of the list with one value or none. Throws BrokenWire for broken bytes. */
  readonly fill: (row: Draft, values: readonly Uint8Array[]) => void;
  readonly fail: (row: Draft, failure: StatusError, step: number) => void;
}

/** Puts a step's results into `home`, the message of the answer that they belong to. Throws BrokenWire for broken bytes. */
export type Fill = (home: Draft, values: readonly Uint8Array[]) => void;

/**
 * Compiles the `into` of a step. `place` is where it leads, `list` the place of `for_each`, and `result` the type of the step's
 * result. Returns a text that says what is wrong if the result does not fit.
 */
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
    return `expected at most one list that for_each does not run through, got ${fields[made]!.name} and ${fields[second]!.name}`;
  }
  const severalElements = list !== undefined && list.fields.length > shared;
  const isMap = last.mapKey !== undefined;
  if (made < 0 && (result.many || severalElements)) {
    return `expected a list for ${result.many ? describeHeld(result) : 'the results of for_each'}, got the single field '${fields.at(-1)!.name}'`;
  }
  if (made >= 0 && isMap) return `expected a field that is no map, got a map inside of the list ${fields[made]!.name}`;
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

/** Returns the message at the end of a path of singular cells, and makes messages that are missing on the way. */
function only(home: Draft, cells: readonly Cell[]): Draft {
  let draft = home;
  for (const cell of cells) draft = draft.only(cell);
  return draft;
}

/**
 * Returns the number of leading fields that both paths share, up to the last shared list. The last field of `into` never
 * counts.
 */
export function sharedFields(into: readonly FieldDescriptor[], list: readonly FieldDescriptor[]): number {
  let shared = 0;
  for (let i = 0; i < into.length - 1 && into[i] === list[i]; i++) {
    if (into[i]!.cardinality === 'repeated') shared = i + 1;
  }
  return shared;
}

/** Returns the cells of a path, and makes those that are missing. */
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
