/**
 * This module finds the JSON path of a problem from its byte offset, as the client wrote it (`lines[3].qty`,
 * `labels["a"]`). It scans the text again up to that offset, so that reading itself does not have to keep a path.
 */
import { Char, type ReadProblem } from '../../../../src/codec/read-problem.js';
import { quoteShort } from '../../../../src/codec/shown-text.js';
import type { FieldDescriptor, MessageDescriptor } from '../../../../src/schema/descriptor.js';
import type { FieldViolation } from '../../../../src/status/details.js';
import { skipValue } from './json-skip.js';
import { PlainScanner } from './plain-scanner.js';

/** The name of the outermost value, whose path would be empty. */
const TOP = 'body';

export function violationOf(
  problem: ReadProblem,
  json: Uint8Array,
  top: MessageDescriptor | FieldDescriptor,
): FieldViolation {
  if (problem.kind === 'syntax') {
    return { field: TOP, description: `${lineAndColumn(json, problem.offset)}: ${problem.description}` };
  }
  const segments: string[] = [];
  if (json.length > 0) walkTo(problem.offset, json, top, segments);
  if (problem.member !== undefined) segments.push(`.${problem.member}`);
  const path = segments.join('');
  return { field: path === '' ? TOP : path.startsWith('.') ? path.slice(1) : path, description: problem.description };
}

function lineAndColumn(json: Uint8Array, offset: number): string {
  const before = Buffer.from(json.buffer, json.byteOffset, offset);
  const line = before.reduce((count, byte) => (byte === 0x0a ? count + 1 : count), 1);
  const column = before.toString('utf8', before.lastIndexOf(0x0a) + 1).length + 1;
  return `line ${line}:${column}`;
}

/** The known structure of a value. It only decides how keys are written in a path. */
type Shape =
  | { readonly kind: 'message'; readonly message: MessageDescriptor }
  | { readonly kind: 'list' | 'map'; readonly element: Shape }
  | { readonly kind: 'opaque' };

const OPAQUE: Shape = { kind: 'opaque' };
/** The shape of a Struct, or of a Value that may contain one. All levels are maps. */
const STRUCT: Shape = {
  kind: 'map',
  get element() {
    return STRUCT;
  },
};

function shapeOf(top: MessageDescriptor | FieldDescriptor): Shape {
  if ('fields' in top) return messageShape(top);
  const element = top.type.kind === 'message' ? messageShape(top.type.message) : OPAQUE;
  if (top.cardinality === 'singular') return element;
  return { kind: top.cardinality === 'map' ? 'map' : 'list', element };
}

function messageShape(message: MessageDescriptor): Shape {
  switch (message.fullName) {
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.ListValue':
      return STRUCT;
    default:
      return { kind: 'message', message };
  }
}

/** Fills `segments` with the path to `offset`. The text before it has been read without an error. */
function walkTo(offset: number, json: Uint8Array, top: MessageDescriptor | FieldDescriptor, segments: string[]): void {
  const scanner = new PlainScanner(Number.POSITIVE_INFINITY);
  scanner.start(json);
  walk(shapeOf(top));

  /** Returns true when `offset` is reached. */
  function walk(shape: Shape): boolean {
    const byte = scanner.peek();
    if (scanner.pos >= offset) return true;
    if (byte === Char.OPEN_OBJECT) return walkObject(shape);
    if (byte === Char.OPEN_LIST) return walkList(shape);
    skipValue(scanner, 0);
    return false;
  }

  function walkObject(shape: Shape): boolean {
    scanner.pos++;
    if (scanner.isEmpty(Char.CLOSE_OBJECT)) return false;
    do {
      scanner.peek();
      const reached = scanner.pos >= offset;
      const key = reached ? readBadKey(scanner) : scanner.readKey();
      if (key !== undefined) segments.push(keySegment(shape, key));
      if (reached) return true;
      scanner.colon();
      if (walk(child(shape, key!))) return true;
      segments.pop();
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
    return false;
  }

  function walkList(shape: Shape): boolean {
    scanner.pos++;
    if (scanner.isEmpty(Char.CLOSE_LIST)) return false;
    let index = 0;
    do {
      segments.push(`[${index++}]`);
      if (walk(shape.kind === 'list' || (shape.kind === 'map' && shape === STRUCT) ? shape.element : OPAQUE))
        return true;
      segments.pop();
    } while (scanner.hasMore(Char.CLOSE_LIST));
    return false;
  }
}

/**
 * Reads a key that may itself be the problem, because of invalid UTF-8 or a lone surrogate. Undefined when it cannot be
 * read; the path then ends at the object around it.
 */
function readBadKey(scanner: PlainScanner): string | undefined {
  try {
    return scanner.readKey();
  } catch {
    return undefined;
  }
}

function child(shape: Shape, key: string): Shape {
  if (shape.kind === 'map') return shape.element;
  if (shape.kind !== 'message') return OPAQUE;
  const field = shape.message.fieldNamed(key);
  return field === undefined ? OPAQUE : shapeOf(field);
}

function keySegment(shape: Shape, key: string): string {
  const plain = shape.kind !== 'map' && key.length <= 80 && /^(?:[\w@$-]+|\[[\w.]+\])$/.test(key);
  return plain ? `.${key}` : `[${quoteShort(key)}]`;
}
