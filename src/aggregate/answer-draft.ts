/**
 * A Draft is a message of the answer that is not complete yet. Its Shape, known when the schema is loaded, has a cell for each
 * field that steps fill or that is on the way to such a field. All other fields of a message that a step has put into the
 * answer stay encoded bytes.
 *
 *     Dashboard { customer: <bytes> · orders: [ <bytes>, <bytes> ] · lines: [ Draft { item: <bytes>, product: … } ] }
 *
 * The cell of a list has one part for each step that makes elements of the list. The parts have the order in which the
 * steps are declared, so it does not matter which answer arrives first. Steps that fill the same elements share a part,
 * of type Rows.
 */

import { fieldValues, writeFieldValues } from '../codec/field-values.js';
import { WireReader } from '../codec/wire-reader.js';
import { WireWriter } from '../codec/wire-writer.js';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { StatusError } from '../status/status-error.js';

/** An encoded value, or a message that is not complete yet. */
export type Node = Uint8Array | Draft;

export interface Cell {
  readonly field: FieldDescriptor;
  readonly index: number;
  /** The shape of the messages in the field, if steps fill fields inside them. They are then Drafts. Undefined otherwise. */
  child: Shape | undefined;
  /** The number of parts. Part 0 is for values from the encoded message, each other part for one step or one group of steps. */
  parts: number;
}

/** The cells of a message in the answer. A Shape is built when the schema is loaded and does not change afterwards. */
export class Shape {
  readonly cells: Cell[] = [];
  private readonly byNumber = new Map<number, Cell>();

  constructor(readonly message: MessageDescriptor) {}

  cellOf(field: FieldDescriptor): Cell | undefined {
    return this.byNumber.get(field.number);
  }

  /** Returns the cell of a field, and makes it if there is none yet. */
  cell(field: FieldDescriptor): Cell {
    let cell = this.byNumber.get(field.number);
    if (cell === undefined) {
      cell = { field, index: this.cells.length, child: undefined, parts: 1 };
      this.cells.push(cell);
      this.byNumber.set(field.number, cell);
    }
    return cell;
  }

  /** Returns the shape of the messages in a field, and makes it if there is none yet. */
  child(field: FieldDescriptor): Shape {
    const cell = this.cell(field);
    if (field.type.kind !== 'message') throw new TypeError(`${field.fullName} holds no message`);
    cell.child ??= new Shape(field.type.message);
    return cell.child;
  }
}

interface Content {
  readonly parts: (readonly Node[] | Rows | undefined)[];
  failure: StatusError | undefined;
  /** The index of the step that caused `failure`. */
  failedStep: number;
  /** True if at least one of the steps that fill this list succeeded, even if it added no element. */
  isAnswered: boolean;
}

/**
 * The elements of a list in the answer that several steps fill together. Element 3 is made from element 3 of the list over
 * which these steps run. An element that no step fills is left out.
 */
export class Rows {
  private readonly elements: (Draft | undefined)[] = [];
  private readonly failing: ((element: Draft) => void)[] = [];
  private kept: readonly Draft[] | undefined;

  constructor(private readonly shape: Shape) {}

  /** Returns the element at `index`, and makes it if there is none yet. */
  at(index: number): Draft {
    let element = this.elements[index];
    if (element === undefined) {
      element = new Draft(this.shape).absorb(EMPTY);
      for (const fail of this.failing) fail(element);
      this.elements[index] = element;
      this.kept = undefined;
    }
    return element;
  }

  /** Marks a failure in every element, also in those that are made later. */
  failAll(fail: (element: Draft) => void): void {
    this.failing.push(fail);
    for (const element of this.present) fail(element);
  }

  get present(): readonly Draft[] {
    this.kept ??= this.elements.filter((element) => element !== undefined);
    return this.kept;
  }
}

/** Thrown when a path reads a value that is missing because the step that fills it failed. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
  constructor(override readonly cause: StatusError) {
    super(cause.message);
  }
}

const NONE: readonly Node[] = [];
const EMPTY = new Uint8Array(0);
const MAX_DEPTH = 100;

export class Draft {
  /** The bytes of all fields that have no cell. */
  private readonly base: Uint8Array[] = [];
  private readonly contents: (Content | undefined)[] = [];
  private isBrought = false;
  /** The failure of the step that should have filled this message. Fields that no other step has filled are then missing. */
  private failure: StatusError | undefined;

  constructor(readonly shape: Shape) {}

  /** Adds the fields of an encoded message. Throws BrokenWire for broken bytes. */
  absorb(message: Uint8Array): this {
    const { shape } = this;
    this.isBrought = true;
    if (shape.cells.length === 0) {
      this.base.push(message);
      return this;
    }
    const reader = new WireReader(message);
    const taken = new Set<number>();
    let rest = 0;
    while (reader.at < reader.end) {
      const start = reader.at;
      const tag = reader.tag();
      reader.skip(tag, MAX_DEPTH);
      if (!shape.cells.some(({ field }) => field.number === tag >>> 3)) continue;
      taken.add(tag >>> 3);
      if (start > rest) this.base.push(message.subarray(rest, start));
      rest = reader.at;
    }
    if (message.length > rest) this.base.push(message.subarray(rest));
    for (const cell of shape.cells) {
      if (taken.has(cell.field.number)) this.put(cell, 0, fieldValues(message, cell.field));
    }
    return this;
  }

  /**
   * Fills a part of a cell. If the cell is for a single message with cells of its own, all values are merged into one Draft.
   */
  put(cell: Cell, part: number, values: readonly Uint8Array[]): void {
    const { child, field } = cell;
    if (child === undefined) this.content(cell).parts[part] = values;
    else if (field.cardinality === 'singular') for (const value of values) this.only(cell).absorb(value);
    else this.content(cell).parts[part] = values.map((value) => new Draft(child).absorb(value));
  }

  /** Returns the {@link Rows} in a part of a list, and makes them if there are none yet. */
  rows(cell: Cell, part: number): Rows {
    const { parts } = this.content(cell);
    let rows = parts[part];
    if (!(rows instanceof Rows)) {
      rows = new Rows(cell.child!);
      parts[part] = rows;
    }
    return rows;
  }

  /** Fills a part of a list with messages that are not encoded yet. */
  putDrafts(cell: Cell, part: number, drafts: readonly Draft[]): void {
    this.content(cell).parts[part] = drafts;
  }

  /** Returns the one message of a singular cell, and makes it if there is none yet. */
  only(cell: Cell): Draft {
    const content = this.content(cell);
    let [draft] = partOf(content.parts[0]);
    if (!(draft instanceof Draft)) {
      draft = new Draft(cell.child!);
      content.parts[0] = [draft];
    }
    return draft;
  }

  /**
   * Makes later reads of the cell fail, unless another step has filled the cell, or the field inside it that is read.
   * If several steps fail, the failure of the step that is declared first is kept.
   */
  fail(cell: Cell, failure: StatusError, step: number): void {
    const content = this.content(cell);
    if (content.failure === undefined || step < content.failedStep) {
      content.failure = failure;
      content.failedStep = step;
    }
    if (cell.child !== undefined && cell.field.cardinality === 'singular') this.only(cell).failure ??= failure;
  }

  /** Marks the list of the cell as present, even if it is empty and other steps fail. */
  answer(cell: Cell): void {
    this.content(cell).isAnswered = true;
  }

  /** Returns the values of a field. Throws MissingPart if it has none because a step failed, BrokenWire for broken bytes. */
  nodes(field: FieldDescriptor): readonly Node[] {
    const cell = this.shape.cellOf(field);
    const content = cell === undefined ? undefined : this.contents[cell.index];
    const nodes = cell === undefined ? this.brought(field) : content === undefined ? NONE : nodesOf(cell, content);
    const failure = content?.isAnswered ? undefined : (content?.failure ?? this.failure);
    if (failure !== undefined && !nodes.some(isThere)) throw new MissingPart(failure);
    return nodes;
  }

  private brought(field: FieldDescriptor): readonly Node[] {
    return fieldValues(this.base.length === 1 ? this.base[0]! : Buffer.concat(this.base), field);
  }

  /** True if a step has put this message or a value in it into the answer. Otherwise the Draft holds at most failures. */
  get isThere(): boolean {
    return (
      this.isBrought ||
      this.shape.cells.some((cell) => {
        const content = this.contents[cell.index];
        return content !== undefined && nodesOf(cell, content).some(isThere);
      })
    );
  }

  /**
   * The failure of the step that should have filled the message or, when nothing of the message is there, the first
   * failure inside it; undefined when there is none.
   */
  get missing(): StatusError | undefined {
    return this.failure ?? (this.isThere ? undefined : this.missingInside());
  }

  private missingInside(): StatusError | undefined {
    for (const content of this.contents) {
      const [first] = partOf(content?.parts[0]);
      const failure = content?.failure ?? (first instanceof Draft ? first.missingInside() : undefined);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  write(writer: WireWriter): void {
    for (const piece of this.base) writer.raw(piece);
    for (const cell of this.shape.cells) {
      const content = this.contents[cell.index];
      if (content === undefined) continue;
      const nodes = nodesOf(cell, content);
      if (nodes.some(isThere)) writeNodes(writer, cell.field, nodes);
    }
  }

  /** Returns the encoded message. */
  bytes(): Uint8Array {
    const writer = new WireWriter();
    this.write(writer);
    return writer.slice();
  }

  private content(cell: Cell): Content {
    let content = this.contents[cell.index];
    if (content === undefined) {
      content = { parts: [], failure: undefined, failedStep: 0, isAnswered: false };
      this.contents[cell.index] = content;
    }
    return content;
  }
}

function nodesOf({ field }: Cell, { parts }: Content): readonly Node[] {
  if (field.cardinality === 'singular') return partOf(parts.findLast((part) => partOf(part).length > 0));
  return parts.length === 1 ? partOf(parts[0]) : parts.flatMap(partOf);
}

function isThere(node: Node): boolean {
  return !(node instanceof Draft) || node.isThere;
}

function partOf(part: Content['parts'][number]): readonly Node[] {
  return part instanceof Rows ? part.present : (part ?? NONE);
}

function writeNodes(writer: WireWriter, field: FieldDescriptor, nodes: readonly Node[]): void {
  if (!(nodes[0] instanceof Draft)) {
    writeFieldValues(writer, field, nodes as readonly Uint8Array[]);
    return;
  }
  const delimited = field.type.kind === 'message' && field.type.delimited;
  for (const node of nodes as readonly Draft[]) {
    writer.tag(field.number, delimited ? 3 : 2);
    const start = delimited ? 0 : writer.fork();
    node.write(writer);
    if (delimited) writer.tag(field.number, 4);
    else writer.join(start);
  }
}
