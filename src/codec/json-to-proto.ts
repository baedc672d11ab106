/**
 * JSON → wire format (ProtoJSON), scanned once from bytes into bytes; no message is built. Path and query values are
 * woven in while an object is read (rule 9):
 *
 *     bound { name: "shelves/1" }   {"name": "", "theme": "SF"}   →   Shelf { 2: "SF", 1: "shelves/1" }
 *
 * A reader per message type is compiled on first use and kept.
 */

import { meantHint } from '../base/did-you-mean.js';
import { isStackOverflow } from '../base/stack-overflow.js';
import type { FieldDescriptor, FieldType, MessageDescriptor, Registry } from '../schema/descriptor.js';
import { invalidRequest } from '../status/status-error.js';
import { type BoundEntry, type BoundMessage, encodeBound, writeBoundEntry } from './bound.js';
import type { JsonOptions } from './json-options.js';
import { violationOf } from './json-path.js';
import { Char, JsonScanner, ReadProblem } from './json-scanner.js';
import { duplicateKey, skipValue, type TypeOffsets } from './json-skip.js';
import { compileEnum, compileScalar, compileUnknownName, type ReadValue, takesNull } from './json-values.js';
import { type MemberPlan, MessagePlan, type ReadMember, SeenStack } from './message-plan.js';
import { expectedScalar, fieldWireType, scalarWireType, writeScalarText } from './scalar.js';
import { createStructReader, type TextForm, textFormOf, wrappedScalar } from './well-known-reader.js';
import { Wire, WireWriter } from './wire-writer.js';

/** The reading half of `MessageCodec`. One at a time: it works synchronously in buffers of its own. */
export interface JsonReader {
  read(message: MessageDescriptor, json: Uint8Array | undefined, bound?: BoundMessage): Uint8Array;
  readField(
    message: MessageDescriptor,
    field: FieldDescriptor,
    json: Uint8Array | undefined,
    bound?: BoundMessage,
  ): Uint8Array;
}

/** Reads a message's JSON inside of `depth` objects and lists, and writes its contents. */
type ReadContents = (depth: number) => void;

const NO_JSON = new Uint8Array(0);
const EMPTY_OBJECT = Buffer.from('{}');
/** Stands for "the whole message" where a problem has no place in the JSON. */
const NOWHERE = -1;

export function createJsonReader(registry: Registry, options: JsonOptions): JsonReader {
  const scanner = new JsonScanner(options.maxDepth);
  const writer = new WireWriter();
  const seen = new SeenStack();
  const structs = createStructReader(scanner, writer);
  const plans = new Map<MessageDescriptor, MessagePlan>();
  const contentReaders = new Map<MessageDescriptor, ReadContents>();
  const ignoreUnknown = options.unknownFields === 'ignore';
  /** Where the `@type`s are that have been searched for in this text. */
  let typeOffsets: TypeOffsets | undefined;

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
      task();
      return writer.slice();
    } catch (error) {
      // A stack that a large maxDepth overflows is a body that is too deep.
      const problem = isStackOverflow(error) ? scanner.tooDeep() : error;
      if (!(problem instanceof ReadProblem)) throw error;
      throw invalidRequest('INVALID_BODY', [violationOf(problem, json ?? NO_JSON, top)]);
    } finally {
      scanner.release();
    }
  }

  /** Rule 12, no body: the default message, where an object is what the field is; a oneof may hold another member. */
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

  /** `inAny`: the key `@type` belongs to the Any around the message. */
  function readObject(plan: MessagePlan, depth: number, bound: BoundMessage | undefined, inAny: boolean): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const start = scanner.pos - 1;
    const base = seen.push(plan.slots);
    if (!scanner.isEmpty(Char.CLOSE_OBJECT)) {
      /** Of keys that have no bit. */
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

  /** At the value of a key. */
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
      const description = `expected one member of oneof ${field.oneof?.name}, found ${other.name} and ${field.name}`;
      throw new ReadProblem('value', scanner.pos, description);
    }
    seen.hold(base, oneof, member.ordinal);
  }

  /** A message whose parts are bound: they are woven into it. */
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
    if (!equal && end > start) throw scanner.unfit('no other value than in the path', at);
    if (equal) return;
    writer.pos = start;
    writeBoundContents(message, bound);
  }

  /** Absent, the default, or equal: the bound value, which {@link finish} writes, stands for it. */
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
    throw scanner.unfit(isOne ? `${JSON.stringify(entry.text)} as in the path` : 'no other value', at);
  }

  /** The end of an object: bound values that are still to be written, and what is required. */
  function finish(plan: MessagePlan, base: number, bound: BoundMessage | undefined, start: number): void {
    for (const member of plan.required) {
      if (seen.has(base, member.ordinal) || bound?.writesField(member.field) === true) continue;
      throw new ReadProblem('value', start, 'required, but missing', member.field.jsonName);
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

  /** Where unknown fields are ignored, so are unknown names of an enum (protobuf's conformance suite: IgnoreUnknownEnum…). */
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

  /** One value behind its tag. */
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

  /** descriptor.proto, message_set_wire_format: group 1 of type_id = 2 and message = 3. */
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

  /** Without presence the default is not written. */
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
      const keys = new Set<string>();
      do {
        const key = scanner.readKey();
        const keyAt = scanner.tokenStart;
        const entryStart = writer.pos;
        writer.tag(field.number, Wire.LEN);
        const start = writer.fork();
        writer.tag(1, keyWire);
        const keyStart = writer.pos;
        if (!writeScalarText(keyType, key, writer)) throw scanner.unfit(`${expectedScalar(keyType)} as key`, keyAt);
        // `7` and `7.0` are one key.
        const same = keyType === 'string' ? key : writer.bytes.toString('latin1', keyStart, writer.pos);
        if (keys.has(same)) throw duplicateKey(keyAt);
        keys.add(same);
        scanner.colon();
        if (passUnknownName?.() === true) {
          writer.pos = entryStart;
          continue;
        }
        readEntryValue(depth + 1);
        writer.join(start);
      } while (scanner.hasMore(Char.CLOSE_OBJECT));
    };
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

  /** Of a well-known type whose JSON is not the object of its fields. */
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

  /** `{"@type": URL, …}` → type_url = 1, value = 2. */
  function readAny(depth: number): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const start = scanner.pos - 1;
    if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
    const typeAt = findType(start, depth);
    scanner.pos = typeAt;
    if (scanner.peek() !== Char.QUOTE) throw scanner.unfit('a type URL');
    const url = scanner.readString();
    const slash = url.lastIndexOf('/');
    if (slash < 0) throw scanner.unfit('a type URL with a slash', typeAt);
    const message = registry.message(url.slice(slash + 1));
    if (message === undefined) throw scanner.unfit('a type of this API', typeAt);
    writer.tag(1, Wire.LEN);
    writer.string(url);
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

  /** Where the value of an Any's `@type` is; it may stand anywhere in the object. */
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

  /** `{"@type": …, "value": …}`; `required`: the object's offset where a missing value is wrong. */
  function readAnyValue(readContents: ReadContents, depth: number, required: number | undefined): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    const keys = new Set<string>();
    do {
      const key = scanner.readKey();
      const keyAt = scanner.tokenStart;
      if (key !== 'value') {
        passUnknown(undefined, key, keyAt, keys, depth, true);
        continue;
      }
      if (keys.has(key)) throw duplicateKey(keyAt);
      keys.add(key);
      scanner.colon();
      readContents(depth + 1);
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
    if (required !== undefined && !keys.has('value')) {
      throw new ReadProblem('value', required, 'expected a value, got none', 'value');
    }
  }
}

function unknownField(plan: MessagePlan | undefined, name: string, keyAt: number): ReadProblem {
  return new ReadProblem('value', keyAt, `unknown field${meantHint(name, plan?.names ?? [])}`);
}
