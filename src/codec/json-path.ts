/**
 * From the byte offset of a problem to what the client is told: the JSON path as they wrote it (`lines[3].qty`,
 * `labels["a"]`), found by scanning once more up to there. Reading itself keeps no path.
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { FieldViolation } from '../status/details.js';
import { Char, JsonScanner, quoteShort, type ReadProblem } from './json-scanner.js';
import { skipValue } from './json-skip.js';

/** The value at the top, where a path would be empty. */
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

/** What is known of a value: decides how its keys are written, and nothing else. */
type Shape =
  | { readonly kind: 'message'; readonly message: MessageDescriptor }
  | { readonly kind: 'list' | 'map'; readonly element: Shape }
  | { readonly kind: 'opaque' };

const OPAQUE: Shape = { kind: 'opaque' };
/** A Struct, or a Value that may hold one: maps all the way down. */
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

/** Fills `segments` with the way to `offset`. What is before it has been read already. */
function walkTo(offset: number, json: Uint8Array, top: MessageDescriptor | FieldDescriptor, segments: string[]): void {
  const scanner = new JsonScanner(Number.POSITIVE_INFINITY);
  scanner.start(json);
  walk(shapeOf(top));

  /** True: `offset` is reached. */
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

/** The key may be the problem itself: no UTF-8, a lone surrogate. Then its object stands for it. */
function readBadKey(scanner: JsonScanner): string | undefined {
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
