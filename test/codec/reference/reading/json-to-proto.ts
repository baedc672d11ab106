/**
 * The reader that the codec had before it read in parts. The codec must return the same bytes, and the same errors.
 *
 * This module converts JSON to the wire format (ProtoJSON). It scans the bytes once and writes bytes, without a message
 * object. The values of path and query are added while an object is read. The body may leave them out or repeat them,
 * but must not contradict them:
 *
 *     bound { name: "shelves/1" }   {"name": "", "theme": "SF"}   →   Shelf { 2: "SF", 1: "shelves/1" }
 *
 * The reader of a message type is compiled on first use and kept.
 */

import { meantHint } from '../../../../src/base/did-you-mean.js';
import { isStackOverflow } from '../../../../src/base/stack-overflow.js';
import { type BoundEntry, type BoundMessage, encodeBound, writeBoundEntry } from '../../../../src/codec/bound.js';
import type { JsonOptions } from '../../../../src/codec/json-options.js';
import type { KeyTable } from '../../../../src/codec/key-table.js';
import { Char, duplicateKey, ReadProblem } from '../../../../src/codec/read-problem.js';
import {
  expectedScalar,
  fieldWireType,
  type IntegerType,
  scalarWireType,
  writeScalarText,
  writeSmallInteger,
} from '../../../../src/codec/scalar.js';
import { Wire, WireWriter } from '../../../../src/codec/wire-writer.js';
import type {
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  Registry,
  ScalarType,
} from '../../../../src/schema/descriptor.js';
import { invalidRequest } from '../../../../src/status/status-error.js';
import { violationOf } from './json-path.js';
import { JsonScanner } from './json-scanner.js';
import { skipValue, type TypeOffsets } from './json-skip.js';
import { compileEnum, compileScalar, compileUnknownName, type ReadValue, takesNull } from './json-values.js';
import { type MemberPlan, MessagePlan, type ReadMember, SeenStack } from './message-plan.js';
import { createStructReader, type TextForm, textFormOf, wrappedScalar } from './well-known-reader.js';

/**
 * The reading half of `MessageCodec`. It is synchronous and reads one message at a time, because all messages share its
 * buffers.
 */
export interface JsonReader {
  read(message: MessageDescriptor, json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  readField(
    message: MessageDescriptor,
    field: FieldDescriptor,
    json: Uint8Array | undefined,
    bound?: BoundMessage,
  ): Uint8Array;
}

/** Reads a message's JSON and writes the message's contents. `depth` is the number of objects and lists around it. */
type ReadContents = (depth: number) => void;

/** The type of an Any: its URL, the same as a JSON string, and what it names. */
interface AnyType {
  readonly url: Uint8Array;
  readonly quoted: Uint8Array;
  readonly message: MessageDescriptor;
}

/** For longer JSON, in bytes, the writer gets its room at once. */
const LARGE_JSON = 1 << 15;
const NO_JSON = new Uint8Array(0);
const EMPTY_OBJECT = Buffer.from('{}');
const TYPE_KEY = Buffer.from('"@type"');
const VALUE_KEY = Buffer.from('"value"');
/** The offset of problems that have no place in the JSON. It stands for the whole message. */
const NOWHERE = -1;

export function createJsonReader(registry: Registry, options: JsonOptions): JsonReader {
  const scanner = new JsonScanner(options.maxDepth);
  const writer = new WireWriter();
  const seen = new SeenStack();
  const structs = createStructReader(scanner, writer);
  const plans = new Map<MessageDescriptor, MessagePlan>();
  const contentReaders = new Map<MessageDescriptor, ReadContents>();
  const ignoreUnknown = options.unknownFields === 'ignore';
  /** The positions of all `@type` keys that were found in the current text. */
  let typeOffsets: TypeOffsets | undefined;
  let lastType: AnyType | undefined;

  return {
    read(message, json, bound) {
      return run(message, json, () => {
        if (json === undefined) {
          writeBoundContents(message, bound);
          return;
        }
        const special = specialContents(message);
        if (special === undefined) readObject(planOf(message), 0, bound, false);
        else if (bound === undefined || bound.entries.length === 0) special(0);
        else readSpecialWithBound(special, message, bound, 0);
        scanner.expectEnd();
      });
    },
    readField(message, field, json = emptyField(field), bound) {
      return run(field, json, () => {
        const plan = planOf(message);
        const base = seen.push(plan.slots);
        if (json !== undefined && scanner.peek() >= 0) {
          const member = plan.memberOf(field);
          if (member.ordinal >= 0) seen.add(base, member.ordinal);
          readMember(plan, member, base, 0, bound);
          scanner.expectEnd();
        }
        finish(plan, base, bound, NOWHERE);
      });
    },
  };

  function run(top: MessageDescriptor | FieldDescriptor, json: Uint8Array | undefined, task: () => void): Uint8Array {
    writer.reset();
    seen.clear();
    typeOffsets = undefined;
    try {
      scanner.start(json ?? NO_JSON);
      // The wire is mostly shorter than the JSON.
      if (json !== undefined && json.length > LARGE_JSON) writer.reserve(json.length);
      task();
      return writer.take();
    } catch (error) {
      // If a large maxDepth lets the stack overflow, the body is reported as nested too deep.
      const problem = isStackOverflow(error) ? scanner.tooDeep() : error;
      if (!(problem instanceof ReadProblem)) throw error;
      throw invalidRequest('INVALID_BODY', [violationOf(problem, json ?? NO_JSON, top)]);
    } finally {
      scanner.release();
    }
  }

  /**
   * Returns the JSON for a missing body. A message field then has an empty message, as with `{}`, if its JSON is an
   * object of its fields. A member of a oneof stays unset, because another member may be set.
   */
  function emptyField({ type, cardinality, oneof }: FieldDescriptor): Uint8Array | undefined {
    if (type.kind !== 'message' || cardinality !== 'singular' || oneof !== undefined) return undefined;
    return specialContents(type.message) === undefined ? EMPTY_OBJECT : undefined;
  }

  function planOf(message: MessageDescriptor): MessagePlan {
    let plan = plans.get(message);
    if (plan === undefined) {
      plan = new MessagePlan(message, options.omitFields);
      plans.set(message, plan);
    }
    return plan;
  }

  /** Reads an object. With `inAny`, the key `@type` is allowed and belongs to the Any around the message. */
  function readObject(plan: MessagePlan, depth: number, bound: BoundMessage | undefined, inAny: boolean): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const start = scanner.pos - 1;
    const base = seen.push(plan.slots);
    if (!scanner.isEmpty(Char.CLOSE_OBJECT)) {
      /** The keys without a bit, which are unknown keys and extensions. */
      let others: Set<string | MemberPlan> | undefined;
      let guess = plan.first;
      do {
        scanner.peek();
        const keyAt = scanner.pos;
        let member: MemberPlan | undefined;
        if (guess !== undefined && scanner.takeKey(guess.key)) {
          member = guess;
        } else {
          const name = scanner.readKey();
          member = plan.named(name);
          if (member === undefined) {
            others ??= new Set();
            passUnknown(plan, name, keyAt, others, depth, inAny);
            continue;
          }
        }
        guess = member.next;
        if (member.ordinal >= 0) {
          if (seen.has(base, member.ordinal)) throw duplicateKey(keyAt);
          seen.add(base, member.ordinal);
        } else {
          others ??= new Set();
          if (others.has(member)) throw duplicateKey(keyAt);
          others.add(member);
        }
        scanner.colon();
        readMember(plan, member, base, depth + 1, bound);
      } while (scanner.hasMore(Char.CLOSE_OBJECT));
    }
    finish(plan, base, bound, start);
  }

  function passUnknown(
    plan: MessagePlan | undefined,
    name: string,
    keyAt: number,
    others: Set<unknown>,
    depth: number,
    inAny: boolean,
  ): void {
    const isType = inAny && name === '@type';
    if (!isType && !ignoreUnknown) throw unknownField(plan, name, keyAt);
    if (others.has(name)) throw duplicateKey(keyAt);
    others.add(name);
    scanner.colon();
    skipValue(scanner, depth + 1);
  }

  /** Reads the value of a key, at which the scanner must be. */
  function readMember(
    plan: MessagePlan,
    member: MemberPlan,
    base: number,
    depth: number,
    bound: BoundMessage | undefined,
  ): void {
    const entry = bound?.entry(member.field);
    if (scanner.peek() === Char.N && !(member.field.cardinality === 'singular' && takesNull(member.field.type))) {
      const isWritten = bound?.writesField(member.field) === true;
      if (member.field.presence === 'required' && !isWritten) throw scanner.unfit('a value');
      scanner.literal('null');
      if (entry?.kind === 'message' && isWritten) writeBoundMessage(entry);
      return;
    }
    if (member.oneof >= 0) claimOneof(plan, member, base, bound);
    member.read ??= compileMember(member.field);
    if (entry === undefined) member.read(depth);
    else if (entry.kind === 'message') readWithBound(entry, depth);
    else readAgainstBound(member.read, entry, depth);
  }

  function claimOneof(plan: MessagePlan, member: MemberPlan, base: number, bound: BoundMessage | undefined): void {
    const { field, oneof } = member;
    const holder = seen.holder(base, oneof);
    const other =
      holder >= 0
        ? plan.members[holder]?.field
        : bound?.entries.find(
            (entry) => entry.field.oneof === field.oneof && entry.field !== field && bound.writes(entry),
          )?.field;
    if (other !== undefined) {
      const description = `expected at most one member of oneof ${field.oneof?.name}, found ${other.name} and ${field.name}`;
      throw new ReadProblem('value', scanner.pos, description);
    }
    seen.hold(base, oneof, member.ordinal);
  }

  /** Reads a message of which parts are bound, and adds these parts to it. */
  function readWithBound({ field, message: bound }: Extract<BoundEntry, { kind: 'message' }>, depth: number): void {
    const { type } = field;
    if (type.kind !== 'message') return;
    const { message } = type;
    const special = specialContents(message);
    writeFramed(field.number, type, () => {
      if (special === undefined) readObject(planOf(message), depth, bound, false);
      else readSpecialWithBound(special, message, bound, depth);
    });
  }

  /**
   * Reads a message whose JSON is not an object of its fields, such as a wrapper. It must be empty or equal to the
   * bound value.
   */
  function readSpecialWithBound(
    read: ReadContents,
    message: MessageDescriptor,
    bound: BoundMessage,
    depth: number,
  ): void {
    scanner.peek();
    const at = scanner.pos;
    const start = writer.pos;
    read(depth);
    const end = writer.pos;
    writer.raw(encodeBound(bound));
    const { bytes, pos } = writer;
    const equal = bytes.subarray(start, end).equals(bytes.subarray(end, pos));
    writer.pos = end;
    if (!equal && end > start) throw scanner.unfit(`the value that the ${bound.source} has`, at);
    if (equal) return;
    writer.pos = start;
    writeBoundContents(message, bound);
  }

  /**
   * Reads a value for a bound field. It must be equal to the bound value or be the default. The value is then dropped,
   * because {@link finish} writes the bound one.
   */
  function readAgainstBound(read: ReadMember, entry: Exclude<BoundEntry, { kind: 'message' }>, depth: number): void {
    const at = scanner.pos;
    const start = writer.pos;
    read(depth);
    const end = writer.pos;
    writeBoundEntry(entry, writer);
    const { bytes, pos } = writer;
    const equal = bytes.subarray(start, end).equals(bytes.subarray(end, pos));
    writer.pos = start;
    writer.tag(entry.field.number, fieldWireType(entry.field.type));
    const valueStart = writer.pos;
    writer.pos = end;
    const isOne = entry.kind === 'leaf' || entry.kind === 'fixed';
    const isDefault = end <= valueStart || (isOne && writer.isDefault(valueStart));
    // `finish` does not write a fixed entry, so the value from the JSON stays.
    writer.pos = entry.kind === 'fixed' ? end : start;
    if (equal || isDefault) return;
    const expected = isOne ? `${JSON.stringify(entry.text)} as in the ${entry.source}` : 'the value that the query has';
    throw scanner.unfit(expected, at);
  }

  /**
   * Ends an object: checks that required fields are present, and writes the bound values that the JSON did not contain.
   */
  function finish(plan: MessagePlan, base: number, bound: BoundMessage | undefined, start: number): void {
    for (const member of plan.required) {
      if (seen.has(base, member.ordinal) || bound?.writesField(member.field) === true) continue;
      throw new ReadProblem(
        'value',
        start,
        'expected a value for this required field, got none',
        member.field.jsonName,
      );
    }
    if (bound !== undefined) {
      for (const entry of bound.entries) {
        if (!bound.writes(entry)) continue;
        if (entry.kind !== 'message') writeBoundEntry(entry, writer);
        else if (!seen.has(base, plan.memberOf(entry.field).ordinal)) writeBoundMessage(entry);
      }
    }
    seen.pop(base);
  }

  function writeBoundMessage({ field, message }: Extract<BoundEntry, { kind: 'message' }>): void {
    const { type } = field;
    if (type.kind === 'message') writeFramed(field.number, type, () => writeBoundContents(type.message, message));
  }

  function writeBoundContents(message: MessageDescriptor, bound: BoundMessage | undefined): void {
    const plan = planOf(message);
    finish(plan, seen.push(plan.slots), bound, NOWHERE);
  }

  function writeFramed(number: number, type: Extract<FieldType, { kind: 'message' }>, write: () => void): void {
    writer.tag(number, fieldWireType(type));
    if (type.delimited) {
      write();
      writer.tag(number, Wire.END_GROUP);
      return;
    }
    const start = writer.fork();
    write();
    writer.join(start);
  }

  function compileMember(field: FieldDescriptor): ReadMember {
    switch (field.cardinality) {
      case 'map':
        return compileMap(field);
      case 'repeated':
        return field.packed ? compilePacked(field) : compileExpanded(field);
      case 'singular':
        return known(
          field,
          field.presence === 'implicit' ? compileImplicit(field) : compileTagged(field.number, field),
        );
    }
  }

  /**
   * Adds the skipping of unknown enum names to a reader, if unknown fields are ignored (protobuf's conformance suite:
   * IgnoreUnknownEnum…).
   */
  function known({ type }: FieldDescriptor, read: ReadMember): ReadMember {
    const passUnknownName = unknownNameOf(type);
    if (passUnknownName === undefined) return read;
    return function readKnown(depth) {
      if (!passUnknownName()) read(depth);
    };
  }

  function unknownNameOf(type: FieldType): (() => boolean) | undefined {
    return ignoreUnknown && type.kind === 'enum' ? compileUnknownName(type.enum, scanner) : undefined;
  }

  /** Returns a reader that writes a tag and one value. */
  function compileTagged(number: number, { type, parent, extension }: FieldDescriptor): ReadMember {
    if (type.kind !== 'message') {
      const tag = (number << 3) | fieldWireType(type);
      const readValue = compileValue(type);
      return function readTagged() {
        writer.uint32(tag);
        readValue();
      };
    }
    const readContents = contentsOf(type.message);
    if (type.delimited) {
      return function readGroup(depth) {
        writer.tag(number, Wire.START_GROUP);
        readContents(depth);
        writer.tag(number, Wire.END_GROUP);
      };
    }
    if (extension && parent.messageSet) return compileMessageSetItem(number, readContents);
    const tag = (number << 3) | Wire.LEN;
    return function readMessage(depth) {
      writer.uint32(tag);
      const start = writer.fork();
      readContents(depth);
      writer.join(start);
    };
  }

  /**
   * Returns a reader for an item of a message set: group 1 with type_id = 2 and message = 3 (descriptor.proto,
   * message_set_wire_format).
   */
  function compileMessageSetItem(number: number, readContents: ReadContents): ReadMember {
    return function readMessageSetItem(depth) {
      writer.tag(1, Wire.START_GROUP);
      writer.tag(2, Wire.VARINT);
      writer.uint32(number);
      writer.tag(3, Wire.LEN);
      const start = writer.fork();
      readContents(depth);
      writer.join(start);
      writer.tag(1, Wire.END_GROUP);
    };
  }

  /** Returns a reader for a field without presence, whose default value is not written. */
  function compileImplicit(field: FieldDescriptor): ReadMember {
    const { type } = field;
    if (type.kind === 'message') return compileTagged(field.number, field);
    const tag = (field.number << 3) | fieldWireType(type);
    const readValue = compileValue(type);
    return function readImplicit() {
      const start = writer.pos;
      writer.uint32(tag);
      const valueStart = writer.pos;
      readValue();
      if (writer.isDefault(valueStart)) writer.pos = start;
    };
  }

  function compilePacked(field: FieldDescriptor): ReadMember {
    const { number, type } = field;
    if (type.kind === 'message') throw new TypeError('a packed message');
    const readValue = known(field, compileValue(type));
    return function readPacked(depth) {
      scanner.open(Char.OPEN_LIST, depth);
      if (scanner.isEmpty(Char.CLOSE_LIST)) return;
      writer.tag(number, Wire.LEN);
      const start = writer.fork();
      do readValue(depth);
      while (scanner.hasMore(Char.CLOSE_LIST));
      writer.join(start);
    };
  }

  function compileExpanded(field: FieldDescriptor): ReadMember {
    const readElement = known(field, compileTagged(field.number, field));
    return function readList(depth) {
      scanner.open(Char.OPEN_LIST, depth);
      if (scanner.isEmpty(Char.CLOSE_LIST)) return;
      do readElement(depth + 1);
      while (scanner.hasMore(Char.CLOSE_LIST));
    };
  }

  function compileMap(field: FieldDescriptor): ReadMember {
    const keyType = field.mapKey!;
    const keyWire = scalarWireType(keyType);
    const readEntryValue = compileTagged(2, field);
    const passUnknownName = unknownNameOf(field.type);
    return function readMap(depth) {
      scanner.open(Char.OPEN_OBJECT, depth);
      if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
      const keys = scanner.keys.push();
      do {
        const entryStart = writer.pos;
        writer.tag(field.number, Wire.LEN);
        const start = writer.fork();
        writer.tag(1, keyWire);
        readMapKey(keyType, keys);
        scanner.colon();
        if (passUnknownName?.() === true) {
          writer.pos = entryStart;
          continue;
        }
        readEntryValue(depth + 1);
        writer.join(start);
      } while (scanner.hasMore(Char.CLOSE_OBJECT));
      scanner.keys.pop();
    };
  }

  function readMapKey(type: ScalarType, keys: KeyTable): void {
    if (type === 'string') return scanner.copyKey(keys, writer);
    const start = writer.pos;
    if (scanner.peek() !== Char.QUOTE) throw scanner.syntax('a key in double quotes');
    const keyAt = scanner.pos;
    const small = type === 'bool' ? Number.NaN : scanner.quotedInteger();
    const written =
      type === 'bool' || Number.isNaN(small)
        ? writeScalarText(type, scanner.readString(), writer)
        : writeSmallInteger(type as IntegerType, small, writer);
    if (!written) throw scanner.unfit(`${expectedScalar(type)} as key`, keyAt);
    // `7` and `7.0` are the same key.
    if (!keys.put(writer.bytes, start, writer.pos)) throw duplicateKey(keyAt);
  }

  function compileValue(type: Exclude<FieldType, { kind: 'message' }>): ReadValue {
    if (type.kind === 'enum') return compileEnum(type.enum, scanner, writer);
    return compileScalar(type.scalar, scanner, writer);
  }

  function contentsOf(message: MessageDescriptor): ReadContents {
    const special = specialContents(message);
    if (special !== undefined) return special;
    const plan = planOf(message);
    return function readMessageObject(depth) {
      readObject(plan, depth, undefined, false);
    };
  }

  /**
   * Returns the reader of a well-known type whose JSON is not an object of its fields. Undefined for all other types.
   */
  function specialContents(message: MessageDescriptor): ReadContents | undefined {
    let read = contentReaders.get(message);
    if (read === undefined) {
      read = compileSpecial(message);
      if (read !== undefined) contentReaders.set(message, read);
    }
    return read;
  }

  function compileSpecial({ fullName }: MessageDescriptor): ReadContents | undefined {
    const form = textFormOf(fullName);
    if (form !== undefined) return compileTextForm(form);
    const scalar = wrappedScalar(fullName);
    if (scalar !== undefined) {
      const readValue = compileScalar(scalar, scanner, writer);
      const wire = scalarWireType(scalar);
      return function readWrapper() {
        const start = writer.pos;
        writer.tag(1, wire);
        const valueStart = writer.pos;
        readValue();
        if (writer.isDefault(valueStart)) writer.pos = start;
      };
    }
    switch (fullName) {
      case 'google.protobuf.Value':
        return structs.value;
      case 'google.protobuf.Struct':
        return structs.struct;
      case 'google.protobuf.ListValue':
        return structs.list;
      case 'google.protobuf.Any':
        return readAny;
      default:
        return undefined;
    }
  }

  function compileTextForm(form: TextForm): ReadContents {
    return function readTextForm() {
      if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(form.expected);
      const at = scanner.pos;
      if (!form.write(scanner.readString(), writer)) throw scanner.unfit(form.expected, at);
    };
  }

  /** Reads `{"@type": URL, …}`, and writes type_url = 1 and value = 2. */
  function readAny(depth: number): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const start = scanner.pos - 1;
    if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
    const typeAt = findType(start, depth);
    const { url, message } = readType(typeAt);
    writer.tag(1, Wire.LEN);
    writer.delimited(url);
    const valueStart = writer.pos;
    writer.tag(2, Wire.LEN);
    const contents = writer.fork();
    scanner.pos = start;
    const special = specialContents(message);
    if (special !== undefined) readAnyValue(special, depth, start);
    else if (message.fullName === 'google.protobuf.Empty') readAnyValue(contentsOf(message), depth, undefined);
    else readObject(planOf(message), depth, undefined, true);
    if (writer.pos === contents) writer.pos = valueStart;
    else writer.join(contents);
  }

  /** Reads the type URL at `typeAt`. */
  function readType(typeAt: number): AnyType {
    scanner.pos = typeAt;
    if (scanner.peek() !== Char.QUOTE) throw scanner.unfit('a type URL');
    // Lists of Any mostly have one type.
    if (lastType !== undefined && scanner.takeKey(lastType.quoted)) return lastType;
    const url = scanner.readString();
    const slash = url.lastIndexOf('/');
    if (slash < 0) throw scanner.unfit('a type URL such as type.googleapis.com/pkg.Message', typeAt);
    const message = registry.message(url.slice(slash + 1));
    if (message === undefined) throw scanner.unfit('a type URL with a message type of this API', typeAt);
    lastType = { url: Buffer.from(url), quoted: Buffer.from(JSON.stringify(url)), message };
    return lastType;
  }

  /** Returns the offset of the value of an Any's `@type`, which may be at any place in the object. */
  function findType(start: number, depth: number): number {
    if (scanner.readKey() === '@type') {
      scanner.colon();
      scanner.peek();
      return scanner.pos;
    }
    typeOffsets ??= new Map();
    if (!typeOffsets.has(start)) {
      scanner.pos = start;
      skipValue(scanner, depth, typeOffsets);
    }
    const offset = typeOffsets.get(start);
    if (offset === undefined) throw new ReadProblem('value', start, 'expected a type URL, got none', '@type');
    return offset;
  }

  /**
   * Reads `{"@type": …, "value": …}`. `required` is the offset of the object if the value must be present, and
   * undefined otherwise.
   */
  function readAnyValue(readContents: ReadContents, depth: number, required: number | undefined): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    let others: Set<string> | undefined;
    let hasType = false;
    let hasValue = false;
    do {
      scanner.peek();
      const keyAt = scanner.pos;
      if (scanner.takeKey(VALUE_KEY)) {
        if (hasValue) throw duplicateKey(keyAt);
        hasValue = true;
        scanner.colon();
        readContents(depth + 1);
      } else if (!hasType && scanner.takeKey(TYPE_KEY)) {
        hasType = true;
        scanner.colon();
        skipValue(scanner, depth + 1);
      } else {
        const key = scanner.readKey();
        others ??= new Set([...(hasType ? ['@type'] : []), ...(hasValue ? ['value'] : [])]);
        if (key !== 'value') {
          passUnknown(undefined, key, keyAt, others, depth, true);
          hasType ||= key === '@type';
          continue;
        }
        if (hasValue) throw duplicateKey(keyAt);
        hasValue = true;
        scanner.colon();
        readContents(depth + 1);
      }
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
    if (required !== undefined && !hasValue) {
      throw new ReadProblem('value', required, 'expected a value, got none', 'value');
    }
  }
}

function unknownField(plan: MessagePlan | undefined, name: string, keyAt: number): ReadProblem {
  return new ReadProblem('value', keyAt, `unknown field${meantHint(name, plan?.names ?? [])}`);
}
