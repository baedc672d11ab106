/**
 * This module finds the JSON path of a problem from its byte offset, as the client wrote it (`lines[3].qty`,
 * `labels["a"]`). It looks at the brackets, commas and keys up to that offset again, so that reading itself does not have to
 * keep a path.
 */
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import type { FieldViolation } from '../status/details.js';
import { JsonScanner } from './json-scanner.js';
import { closingQuote } from './json-string.js';
import { Char, type ReadProblem } from './read-problem.js';
import { quoteShort } from './shown-text.js';

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
  const segments = json.length > 0 ? segmentsTo(problem.offset, json, top) : [];
  if (problem.member !== undefined) segments.push(`.${problem.member}`);
  const path = segments.join('');
  return { field: path === '' ? TOP : path.startsWith('.') ? path.slice(1) : path, description: problem.description };
}

function lineAndColumn(json: Uint8Array, offset: number): string {
  let line = 1;
  let start = 0;
  for (let at = 0; at < offset; at++) {
    if (json[at] !== 0x0a) continue;
    line++;
    start = at + 1;
  }
  const before = Buffer.from(json.buffer, json.byteOffset, offset);
  return `line ${line}:${before.toString('utf8', start).length + 1}`;
}

/**
 * The known structure of a value. It decides how a key is written in a path: `.name` for a field, `["name"]` for a map's key.
 */
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

/** An object or a list around an offset. */
interface Container {
  readonly isList: boolean;
  /** The index of the element in a list, or the offset of the key in an object; -1 before the first key. */
  place: number;
}

/**
 * Returns the segments of the path to `offset`, such as `.lines`, `[3]` and `.qty`. The text before `offset` has been read
 * without an error.
 */
function segmentsTo(offset: number, json: Uint8Array, top: MessageDescriptor | FieldDescriptor): string[] {
  const segments: string[] = [];
  const scanner = new JsonScanner(0);
  scanner.start(json);
  let shape = shapeOf(top);
  for (const { isList, place } of containersAround(offset, json)) {
    if (isList) {
      segments.push(`[${place}]`);
      shape = elementOf(shape);
      continue;
    }
    scanner.pos = place;
    const key = place < 0 ? undefined : readKey(scanner);
    if (key === undefined) break;
    segments.push(keySegment(shape, key));
    shape = child(shape, key);
  }
  return segments;
}

/** Returns the objects and lists around an offset, from the outermost one. */
function containersAround(offset: number, json: Uint8Array): readonly Container[] {
  const open: Container[] = [];
  let isKey = false;
  let at = 0;
  for (; at < offset; at++) {
    const byte = json[at]!;
    if (byte === Char.QUOTE) {
      if (isKey) open.at(-1)!.place = at;
      isKey = false;
      at = closingQuote(json, at);
    } else if (byte === Char.OPEN_OBJECT || byte === Char.OPEN_LIST) {
      isKey = byte === Char.OPEN_OBJECT;
      open.push({ isList: !isKey, place: isKey ? -1 : 0 });
    } else if (byte === Char.CLOSE_OBJECT || byte === Char.CLOSE_LIST) {
      isKey = false;
      open.pop();
    } else if (byte === Char.COMMA) {
      const around = open.at(-1)!;
      isKey = !around.isList;
      if (around.isList) around.place++;
    }
  }
  // The problem may be the key that begins at `offset`.
  if (isKey) open.at(-1)!.place = at;
  return open;
}

/**
 * Reads a key that may itself be the problem, because of invalid UTF-8 or a lone surrogate. Undefined when it cannot be
 * read; the path then ends at the object around it.
 */
function readKey(scanner: JsonScanner): string | undefined {
  try {
    return scanner.readKey();
  } catch {
    return undefined;
  }
}

function elementOf(shape: Shape): Shape {
  if (shape === STRUCT) return STRUCT;
  return shape.kind === 'list' ? shape.element : OPAQUE;
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
