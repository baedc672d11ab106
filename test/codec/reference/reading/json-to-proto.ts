/**
 * The reader that the codec had before it read in parts. The codec must return the same bytes, and the same errors.
 *
 * It converts JSON to the wire format (ProtoJSON) with a function for each field, which calls itself for messages inside of
 * messages. The reader of a message type is compiled on first use and kept. It reads no bound values. It shares with the codec
 * the members of a message by their names, the writing of values from texts, and the parts of the scanner that are the same.
 */
import { meantHint } from '../../../../src/base/did-you-mean.js';
import type { JsonOptions } from '../../../../src/codec/json-options.js';
import type { KeyTable } from '../../../../src/codec/key-table.js';
import type { TypeOffsets } from '../../../../src/codec/read-frame.js';
import { type MemberPlan, type MessagePlan, ReadPlans } from '../../../../src/codec/read-plan.js';
import { Char, duplicateKey, ReadProblem } from '../../../../src/codec/read-problem.js';
import { expectedScalar, fieldWireType, scalarWireType, writeScalarText } from '../../../../src/codec/scalar.js';
import { SeenStack } from '../../../../src/codec/seen-stack.js';
import { wrappedScalar } from '../../../../src/codec/well-known-reader.js';
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
import { skipValue } from './json-skip.js';
import { compileEnum, compileScalar, compileUnknownName, type ReadValue, takesNull } from './json-values.js';
import { PlainScanner } from './plain-scanner.js';
import { createStructReader, type TextForm, textFormOf } from './well-known-reader.js';

export interface JsonReader {
  read(message: MessageDescriptor, json: Uint8Array): Uint8Array;
  /** Reads a message that has the value of one field. */
  readField(message: MessageDescriptor, field: FieldDescriptor, json: Uint8Array): Uint8Array;
}

/** Reads a message's JSON and writes the message's contents. `depth` is the number of objects and lists around it. */
type ReadContents = (depth: number) => void;

/** Reads a field's JSON value and writes the field, tags included. */
type ReadMember = (depth: number) => void;

/** The offset of problems that have no place in the JSON. It stands for the whole message. */
const NOWHERE = -1;

export function createJsonReader(registry: Registry, options: JsonOptions): JsonReader {
  const scanner = new PlainScanner(options.maxDepth);
  const writer = new WireWriter();
  const seen = new SeenStack();
  const structs = createStructReader(scanner, writer);
  const plans = new ReadPlans(registry, options);
  const memberReaders = new Map<MemberPlan, ReadMember>();
  const contentReaders = new Map<MessageDescriptor, ReadContents>();
  const ignoreUnknown = options.unknownFields === 'ignore';
  /** The positions of all `@type` keys that were found in the current text. */
  let typeOffsets: TypeOffsets | undefined;

  return {
    read(message, json) {
      return run(message, json, () => {
        contentsOf(message)(0);
        scanner.expectEnd();
      });
    },
    readField(message, field, json) {
      return run(field, json, () => {
        const plan = plans.of(message);
        const base = seen.push(plan.slots);
        if (scanner.peek() >= 0) {
          const member = plan.memberOf(field);
          if (member.ordinal >= 0) seen.add(base, member.ordinal);
          readMember(plan, member, base, 0);
          scanner.expectEnd();
        }
        finish(plan, base, NOWHERE);
      });
    },
  };

  function run(top: MessageDescriptor | FieldDescriptor, json: Uint8Array, task: () => void): Uint8Array {
    writer.reset();
    seen.clear();
    typeOffsets = undefined;
    try {
      scanner.start(json);
      task();
      return writer.take();
    } catch (error) {
      if (!(error instanceof ReadProblem)) throw error;
      throw invalidRequest('INVALID_BODY', [violationOf(error, json, top)]);
    } finally {
      scanner.release();
    }
  }

  /** Reads an object. With `inAny`, the key `@type` is allowed and belongs to the Any around the message. */
  function readObject(plan: MessagePlan, depth: number, inAny: boolean): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const start = scanner.pos - 1;
    const base = seen.push(plan.slots);
    if (!scanner.isEmpty(Char.CLOSE_OBJECT)) {
      /** The keys without a bit, which are unknown keys and extensions. */
      let others: Set<string | MemberPlan> | undefined;
      do {
        scanner.peek();
        const keyAt = scanner.pos;
        const name = scanner.readKey();
        const member = plan.named(name);
        if (member === undefined) {
          others ??= new Set();
          passUnknown(plan, name, keyAt, others, depth, inAny);
          continue;
        }
        if (member.ordinal >= 0) {
          if (!seen.add(base, member.ordinal)) throw duplicateKey(keyAt);
        } else {
          others ??= new Set();
          if (others.has(member)) throw duplicateKey(keyAt);
          others.add(member);
        }
        scanner.colon();
        readMember(plan, member, base, depth + 1);
      } while (scanner.hasMore(Char.CLOSE_OBJECT));
    }
    finish(plan, base, start);
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
  function readMember(plan: MessagePlan, member: MemberPlan, base: number, depth: number): void {
    const { field } = member;
    if (scanner.peek() === Char.N && !(field.cardinality === 'singular' && takesNull(field.type))) {
      if (field.presence === 'required') throw scanner.unfit('a value');
      scanner.literal('null');
      return;
    }
    if (member.oneof >= 0) claimOneof(plan, member, base);
    let read = memberReaders.get(member);
    if (read === undefined) {
      read = compileMember(field);
      memberReaders.set(member, read);
    }
    read(depth);
  }

  function claimOneof(plan: MessagePlan, { field, oneof, ordinal }: MemberPlan, base: number): void {
    const other = plan.members[seen.holder(base, oneof)]?.field;
    if (other !== undefined) {
      const description = `expected at most one member of oneof ${field.oneof?.name}, found ${other.name} and ${field.name}`;
      throw new ReadProblem('value', scanner.pos, description);
    }
    seen.hold(base, oneof, ordinal);
  }

  /** Ends an object: checks that required fields are present. */
  function finish(plan: MessagePlan, base: number, start: number): void {
    for (const { ordinal, field } of plan.required) {
      if (seen.has(base, ordinal)) continue;
      throw new ReadProblem('value', start, 'expected a value for this required field, got none', field.jsonName);
    }
    seen.pop(base);
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
    const written = writeScalarText(type, scanner.readString(), writer);
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
    const plan = plans.of(message);
    return function readMessageObject(depth) {
      readObject(plan, depth, false);
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
    writer.string(url);
    const valueStart = writer.pos;
    writer.tag(2, Wire.LEN);
    const contents = writer.fork();
    scanner.pos = start;
    const special = specialContents(message);
    if (special !== undefined) readAnyValue(special, depth, start);
    else if (message.fullName === 'google.protobuf.Empty') readAnyValue(contentsOf(message), depth, undefined);
    else readObject(plans.of(message), depth, true);
    if (writer.pos === contents) writer.pos = valueStart;
    else writer.join(contents);
  }

  /** Reads the type URL at `typeAt`. */
  function readType(typeAt: number): { url: string; message: MessageDescriptor } {
    scanner.pos = typeAt;
    if (scanner.peek() !== Char.QUOTE) throw scanner.unfit('a type URL');
    const url = scanner.readString();
    const slash = url.lastIndexOf('/');
    if (slash < 0) throw scanner.unfit('a type URL such as type.googleapis.com/pkg.Message', typeAt);
    const message = registry.message(url.slice(slash + 1));
    if (message === undefined) throw scanner.unfit('a type URL with a message type of this API', typeAt);
    return { url, message };
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
    const others = new Set<string>();
    let hasValue = false;
    do {
      scanner.peek();
      const keyAt = scanner.pos;
      const key = scanner.readKey();
      if (key !== 'value') {
        passUnknown(undefined, key, keyAt, others, depth, true);
        continue;
      }
      if (hasValue) throw duplicateKey(keyAt);
      hasValue = true;
      scanner.colon();
      readContents(depth + 1);
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
    if (required !== undefined && !hasValue) {
      throw new ReadProblem('value', required, 'expected a value, got none', 'value');
    }
  }
}

function unknownField(plan: MessagePlan | undefined, name: string, keyAt: number): ReadProblem {
  return new ReadProblem('value', keyAt, `unknown field${meantHint(name, plan?.nameList ?? [])}`);
}
