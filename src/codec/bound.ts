/**
 * This module holds the bound values of one request: the values that its path and query give to fields of the message. They
 * form a tree, and are written into the message while the JSON of the body is read. The body may leave out a bound field, have
 * its default or repeat its value; any other value is an error. A value is checked and encoded when it is bound.
 *
 *     book.name = "shelves/1", update_mask = "title"   →   { book: { name: leaf }, update_mask: leaf }
 */
import type { FieldDescriptor } from '../schema/descriptor.js';
import { isTextMessage } from '../schema/text-messages.js';
import { maskPath } from './mask-path.js';
import {
  expectedScalar,
  fieldWireType,
  scalarWireType,
  writeEnumNumber,
  writeInteger,
  writeScalarText,
} from './scalar.js';
import { quoteShort } from './shown-text.js';
import { rangeOf, textFormOf, wrappedScalar } from './well-known-reader.js';
import { Wire, WireWriter } from './wire-writer.js';

/** The error for a value that does not fit its field. Its message is written for the client. */
export class BindError extends Error {
  override readonly name = 'BindError';
}

/** The value or values that are bound to one field, encoded without the tag of the field. */
export type BoundEntry =
  | ({ readonly kind: 'leaf' } & BoundValue)
  /** Like a leaf, but only compared and not written: the JSON may leave the field out, but must not give it another value. */
  | ({ readonly kind: 'fixed' } & BoundValue)
  | { readonly kind: 'list'; readonly field: FieldDescriptor; readonly values: Uint8Array[] }
  | { readonly kind: 'map'; readonly field: FieldDescriptor; readonly values: Map<string, Uint8Array> }
  | { readonly kind: 'message'; readonly field: FieldDescriptor; readonly message: BoundMessage };

interface BoundValue {
  readonly field: FieldDescriptor;
  readonly text: string;
  readonly value: Uint8Array;
  readonly source: BoundSource;
}

/** The part of the request's target that a value comes from. */
export type BoundSource = 'path' | 'query';

const NONE: readonly BoundEntry[] = [];

export class BoundMessage {
  private list: BoundEntry[] | undefined;

  /** `follows` is true if the tree is for the messages after the first one of a stream. */
  constructor(readonly follows = false) {}

  get entries(): readonly BoundEntry[] {
    return this.list ?? NONE;
  }

  entry(field: FieldDescriptor): BoundEntry | undefined {
    return this.list?.find((entry) => entry.field === field);
  }

  /** True if the entry is written when the JSON does not contain its field. */
  writes({ kind }: BoundEntry): boolean {
    return kind !== 'fixed' && !(this.follows && kind === 'message');
  }

  writesField(field: FieldDescriptor): boolean {
    const entry = this.entry(field);
    return entry !== undefined && this.writes(entry);
  }

  /**
   * Returns the bound values for the messages after the first one of a stream. A single value from the path is compared with
   * the JSON, but not written. Lists, maps and other values of the query are for the first message only. If `isInEach` returns
   * true for the path of a single field, its value must not be contradicted either, and is written into each message whose JSON
   * has the message around the field.
   */
  following(isInEach: IsInEach, path: readonly FieldDescriptor[] = []): BoundMessage {
    const behind = new BoundMessage(true);
    for (const entry of this.entries) {
      const { field } = entry;
      const fields = [...path, field];
      if (entry.kind === 'message') {
        const message = entry.message.following(isInEach, fields);
        if (message.entries.length > 0) behind.add({ kind: 'message', field, message });
      } else if (entry.kind === 'leaf') {
        if (isInEach(fields)) behind.add(entry);
        else if (entry.source === 'path') behind.add({ ...entry, kind: 'fixed' });
      }
    }
    return behind;
  }

  /** Returns `path` if at least one of the values comes from the path, and `query` otherwise. */
  get source(): BoundSource {
    const isFromPath = this.entries.some((entry) =>
      entry.kind === 'message' ? entry.message.source === 'path' : 'source' in entry && entry.source === 'path',
    );
    return isFromPath ? 'path' : 'query';
  }

  /** Throws BindError if another member of the field's oneof is bound. */
  checkOneof({ oneof, name }: FieldDescriptor): void {
    const other = oneof && this.entries.find(({ field }) => field.oneof === oneof);
    if (other === undefined) return;
    throw new BindError(`expected at most one member of oneof ${oneof?.name}, found ${other.field.name} and ${name}`);
  }

  /** Throws BindError as {@link checkOneof} does. */
  add(entry: BoundEntry): void {
    this.checkOneof(entry.field);
    if (this.list === undefined) this.list = [entry];
    else this.list.push(entry);
  }
}

type IsInEach = (path: readonly FieldDescriptor[]) => boolean;

/** The writer that the functions below share. They return copies of its bytes, and do not `await` while they use it. */
const scratch = new WireWriter();
const TWICE = 'expected once, found twice';

/**
 * Binds a text to the field at the end of `path`, for which {@link isTextual} must be true. For a repeated field it adds one
 * value, for a map the entry with the key `mapKey`. Throws BindError if the text does not fit, if the field has a value
 * already, or if two members of a oneof are bound.
 */
export function bindText(
  root: BoundMessage,
  path: readonly FieldDescriptor[],
  text: string,
  source: BoundSource,
  mapKey?: string,
): void {
  let message = root;
  for (let i = 0; i < path.length - 1; i++) message = descend(message, path[i]!);
  const field = path[path.length - 1]!;
  if (field.cardinality === 'map') bindEntry(message, field, mapKey ?? '', text);
  else if (field.cardinality === 'repeated') {
    // Each read of `fullName` puts the name together, so it is read for lists alone.
    if (field.fullName === MASK_PATHS) for (const one of maskPathsIn(text)) bindElement(message, field, one);
    else bindElement(message, field, text);
  } else if (message.entry(field) !== undefined) throw new BindError(TWICE);
  else {
    message.add({ kind: 'leaf', field, text, value: encodeText(field, text), source });
    checkPart(path, message, text);
  }
}

const MASK_PATHS = 'google.protobuf.FieldMask.paths';

/**
 * Splits the text of a FieldMask, such as `title,author.displayName`, into its paths, in proto names. Throws BindError for a
 * part that is not a path.
 */
function maskPathsIn(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const path = maskPath(part);
    if (path === undefined) throw new BindError(`expected a path such as author.display_name, got ${quoteShort(part)}`);
    return path;
  });
}

/**
 * Throws BindError if a Timestamp or Duration that is bound field by field (`since.seconds`) is outside of the range
 * that JSON can express.
 */
function checkPart(path: readonly FieldDescriptor[], message: BoundMessage, text: string): void {
  // JavaScript would look up `path[-1]` as the name of a property, which takes 2 % of the time of a small request.
  if (path.length < 2) return;
  const parent = path[path.length - 2]!.type;
  const range = parent.kind === 'message' ? rangeOf(parent.message.fullName) : undefined;
  if (range === undefined) return;
  const [seconds, nanos] = [1, 2].map((number) => {
    const entry = message.entries.find(({ field }) => field.number === number);
    return entry?.kind === 'leaf' ? Number(entry.text) : 0;
  });
  const problem = range(seconds!, nanos!);
  if (problem !== undefined) throw new BindError(`expected ${problem}, got ${quoteShort(text)}`);
}

function descend(message: BoundMessage, field: FieldDescriptor): BoundMessage {
  const entry = message.entry(field);
  if (entry?.kind === 'message') return entry.message;
  if (entry !== undefined) throw new BindError(TWICE);
  const nested = new BoundMessage();
  message.add({ kind: 'message', field, message: nested });
  return nested;
}

function bindElement(message: BoundMessage, field: FieldDescriptor, text: string): void {
  const value = encodeText(field, text);
  const entry = message.entry(field);
  if (entry?.kind === 'list') entry.values.push(value);
  else message.add({ kind: 'list', field, values: [value] });
}

function bindEntry(message: BoundMessage, field: FieldDescriptor, key: string, text: string): void {
  const keyType = field.mapKey!;
  scratch.reset();
  if (!writeScalarText(keyType, key, scratch)) {
    throw new BindError(`expected ${expectedScalar(keyType)} as key, got ${quoteShort(key)}`);
  }
  const encodedKey = Buffer.from(scratch.slice());
  const value = encodeText(field, text);
  scratch.reset();
  scratch.tag(1, scalarWireType(keyType));
  scratch.raw(encodedKey);
  scratch.tag(2, fieldWireType(field.type));
  scratch.raw(value);
  // Keys such as `7` and `7.0` are equal, so their encoded form is compared.
  const sameKey = encodedKey.toString('latin1');
  const entry = message.entry(field);
  if (entry?.kind !== 'map') message.add({ kind: 'map', field, values: new Map([[sameKey, scratch.slice()]]) });
  else if (entry.values.has(sameKey)) throw new BindError(TWICE);
  else entry.values.set(sameKey, scratch.slice());
}

/**
 * Binds the paths of a FieldMask, given in proto names, as if the query gave them. A FieldMask's JSON text would not be
 * enough: there, `displayName` always means display_name, even if a field's proto name is displayName.
 */
export function bindPaths(root: BoundMessage, field: FieldDescriptor, paths: readonly string[]): void {
  scratch.reset();
  writeFramed(field, () => {
    for (const path of paths) {
      scratch.tag(1, Wire.LEN);
      scratch.string(path);
    }
  });
  root.add({ kind: 'leaf', field, text: paths.join(','), value: scratch.slice(), source: 'query' });
}

/**
 * True if the field's values can be written as text: scalars, enums, and messages whose JSON is a string or a scalar.
 */
export function isTextual({ type }: FieldDescriptor): boolean {
  return type.kind !== 'message' || isTextMessage(type.message);
}

/**
 * Encodes one value of a field for which {@link isTextual} is true, without its tag. Throws BindError if the text does
 * not fit.
 */
export function encodeText(field: FieldDescriptor, text: string): Uint8Array {
  scratch.reset();
  const expected = writeText(field, text);
  if (expected !== undefined) throw new BindError(`expected ${expected}, got ${quoteShort(text)}`);
  return scratch.slice();
}

/** Writes a value. Returns what was expected if the text does not fit, and undefined otherwise. */
function writeText(field: FieldDescriptor, text: string): string | undefined {
  const { type, fullName } = field;
  switch (type.kind) {
    case 'scalar':
      return writeScalarText(type.scalar, text, scratch) ? undefined : expectedScalar(type.scalar);
    case 'enum': {
      const known = type.enum.numberOf(text);
      const written =
        known === undefined ? writeEnumNumber(type.enum, text, scratch) : writeInteger('int32', `${known}`, scratch);
      return written ? undefined : `a value of ${type.enum.fullName}`;
    }
    case 'message': {
      const typeName = type.message.fullName;
      return writeFramed(field, () => writeTextContents(typeName, text, fullName));
    }
  }
}

/** Writes the contents of a message with the length or the end tag that its field needs. */
function writeFramed<T>({ type, number }: FieldDescriptor, writeContents: () => T): T {
  const isGroup = type.kind === 'message' && type.delimited;
  const start = isGroup ? scratch.pos : scratch.fork();
  const result = writeContents();
  if (isGroup) scratch.tag(number, Wire.END_GROUP);
  else scratch.join(start);
  return result;
}

function writeTextContents(typeName: string, text: string, field: string): string | undefined {
  const scalar = wrappedScalar(typeName);
  if (scalar !== undefined) {
    const start = scratch.pos;
    scratch.tag(1, scalarWireType(scalar));
    const valueStart = scratch.pos;
    if (!writeScalarText(scalar, text, scratch)) return expectedScalar(scalar);
    if (scratch.isDefault(valueStart)) scratch.pos = start;
    return undefined;
  }
  const form = textFormOf(typeName);
  if (form === undefined) throw new TypeError(`${field}: ${typeName} has no text form`);
  const bytes = Buffer.from(text);
  return form.write(bytes, 0, bytes.length, scratch) ? undefined : form.expected;
}

/** Returns the bound values as an encoded message. Required fields may be missing. */
export function encodeBound(bound: BoundMessage): Uint8Array {
  if (bound.entries.length === 0) return NO_BYTES;
  scratch.reset();
  writeEntries(bound);
  return scratch.slice();
}

const NO_BYTES = new Uint8Array(0);

function writeEntries(bound: BoundMessage): void {
  for (const entry of bound.entries) {
    if (entry.kind !== 'message') {
      writeBoundEntry(entry, scratch);
      continue;
    }
    const { field, message } = entry;
    scratch.tag(field.number, fieldWireType(field.type));
    writeFramed(field, () => writeEntries(message));
  }
}

/** Writes an entry that is not a message, with tags. A default value of a field without presence is not written. */
export function writeBoundEntry(entry: Exclude<BoundEntry, { kind: 'message' }>, writer: WireWriter): void {
  const { field } = entry;
  const wire = fieldWireType(field.type);
  switch (entry.kind) {
    case 'leaf':
    case 'fixed': {
      const start = writer.pos;
      writer.tag(field.number, wire);
      const valueStart = writer.pos;
      writer.raw(entry.value);
      if (field.presence === 'implicit' && writer.isDefault(valueStart)) writer.pos = start;
      return;
    }
    case 'list':
      if (field.packed) {
        writer.tag(field.number, Wire.LEN);
        const start = writer.fork();
        for (const value of entry.values) writer.raw(value);
        writer.join(start);
        return;
      }
      for (const value of entry.values) {
        writer.tag(field.number, wire);
        writer.raw(value);
      }
      return;
    case 'map':
      for (const value of entry.values.values()) {
        writer.tag(field.number, Wire.LEN);
        writer.delimited(value);
      }
  }
}
