/**
 * This module prepares the reading of messages from JSON. A message type has a plan, which is data: its members by their
 * names as bytes, and for each of them its tag, its kind and the form of its value. A plan belongs to no request, so all
 * readers share it.
 */
import type {
  EnumDescriptor,
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  Registry,
  ScalarType,
} from '../schema/descriptor.js';
import type { JsonOptions } from './json-options.js';
import { KeyBytes } from './key-bytes.js';
import { KeyTable } from './key-table.js';
import { expectedScalar, fieldWireType, scalarWireType } from './scalar.js';
import { type TextForm, textFormOf, wrappedScalar } from './well-known-reader.js';
import { Wire } from './wire-writer.js';

/** The way in which a value is read from JSON and encoded. */
export const Kind = {
  STRING: 0,
  BYTES: 1,
  BOOL: 2,
  DOUBLE: 3,
  FLOAT: 4,
  /** An integer that is written as a varint of its two's complement. */
  VARINT: 5,
  ZIGZAG: 6,
  FIXED32: 7,
  FIXED64: 8,
  ENUM: 9,
  MESSAGE: 10,
} as const;

const SCALAR_KINDS: Readonly<Record<ScalarType, number>> = {
  string: Kind.STRING,
  bytes: Kind.BYTES,
  bool: Kind.BOOL,
  double: Kind.DOUBLE,
  float: Kind.FLOAT,
  int32: Kind.VARINT,
  uint32: Kind.VARINT,
  int64: Kind.VARINT,
  uint64: Kind.VARINT,
  sint32: Kind.ZIGZAG,
  sint64: Kind.ZIGZAG,
  fixed32: Kind.FIXED32,
  sfixed32: Kind.FIXED32,
  fixed64: Kind.FIXED64,
  sfixed64: Kind.FIXED64,
};

/** The plan to read one value of a type. */
export interface ValuePlan {
  readonly kind: number;
  /** The scalar type. It is not used for enums and messages. */
  readonly scalar: ScalarType;
  /** A description of the values, for error texts. */
  readonly expected: string;
  /** `least` and `most` are the range of an integer, cut to the numbers that a double holds exactly. */
  readonly least: number;
  readonly most: number;
  readonly enum: EnumPlan | undefined;
  readonly message: MessagePlan | undefined;
  /** True if `null` is a value of the type and does not mean "unset": google.protobuf.Value and NullValue. */
  readonly takesNull: boolean;
}

/** The values of an enum by their names. */
export interface EnumPlan {
  readonly descriptor: EnumDescriptor;
  readonly names: KeyTable;
  /** True if a name that the enum does not have is skipped. */
  readonly skipsUnknown: boolean;
}

/**
 * The kinds of JSON that a message type may have: an object of its fields, a string such as that of a Timestamp, the value of a
 * wrapper, and those of Value, Struct, ListValue and Any.
 */
export const Form = { OBJECT: 0, TEXT: 1, WRAPPER: 2, VALUE: 3, STRUCT: 4, LIST: 5, ANY: 6 } as const;

/** The kinds of members: single values, lists and maps. A member is UNPREPARED until `prepare` is called. */
export const Shape = {
  UNPREPARED: 0,
  /** A scalar whose default is not written. */
  IMPLICIT: 1,
  SCALAR: 2,
  MESSAGE: 3,
  PACKED: 4,
  SCALARS: 5,
  MESSAGES: 6,
  MAP: 7,
} as const;

/** The ways to write a message: after its length, as a group, or as an item of a message set. */
export const Framing = { LENGTH: 0, GROUP: 1, ITEM: 2 } as const;

const NO_VALUE: ValuePlan = {
  kind: Kind.STRING,
  scalar: 'string',
  expected: 'string',
  least: 0,
  most: 0,
  enum: undefined,
  message: undefined,
  takesNull: false,
};

/** The plan to read one member of a JSON object, which is a field of the message, or one value of a map. */
export class MemberPlan {
  shape: number = Shape.UNPREPARED;
  /** The tag of a value, of packed values or of a map's entry. */
  tag = 0;
  framing: number = Framing.LENGTH;
  value = NO_VALUE;
  /** True if `null` is a value of the field and does not mean "unset". */
  takesNull = false;
  /** The plan of a map's values. Undefined for other fields. */
  entry: MemberPlan | undefined;
  keyTag = 0;
  /** The field that is declared next. Its key is usually also the next one that a client sends. */
  next: MemberPlan | undefined;
  /** The JSON name in quotes. */
  readonly key: KeyBytes;

  constructor(
    readonly field: FieldDescriptor,
    /** The index of the field in its message, and of its bit in the {@link SeenStack}. It is -1 for an extension. */
    readonly ordinal: number,
    /** The index of the slot of the field's oneof among the slots of the object. It is -1 if the field is in no oneof. */
    readonly oneof: number,
    /** The number of the field on the wire. For the values of a map it is 2. */
    readonly number = field.number,
  ) {
    this.key = new KeyBytes(JSON.stringify(field.jsonName));
  }

  /** Prepares what depends on other message types. A message type may contain itself, so this is done on first use. */
  prepare(plans: ReadPlans): void {
    const { field, number } = this;
    const { type, cardinality, parent } = field;
    this.value = plans.value(type);
    this.takesNull = cardinality === 'singular' && this.value.takesNull;
    this.tag = (number << 3) | fieldWireType(type);
    const isMessage = type.kind === 'message';
    if (isMessage && type.delimited) this.framing = Framing.GROUP;
    else if (isMessage && field.extension && parent.messageSet) this.framing = Framing.ITEM;
    if (cardinality === 'map' && this.entry === undefined) this.prepareMap(plans);
    else if (cardinality === 'repeated') {
      if (field.packed) this.tag = (number << 3) | Wire.LEN;
      this.shape = isMessage ? Shape.MESSAGES : field.packed ? Shape.PACKED : Shape.SCALARS;
    } else if (isMessage) this.shape = Shape.MESSAGE;
    else this.shape = cardinality !== 'map' && field.presence === 'implicit' ? Shape.IMPLICIT : Shape.SCALAR;
  }

  private prepareMap(plans: ReadPlans): void {
    const { field } = this;
    this.shape = Shape.MAP;
    this.tag = (field.number << 3) | Wire.LEN;
    this.keyTag = (1 << 3) | scalarWireType(field.mapKey!);
    this.entry = new MapValuePlan(field);
    this.entry.prepare(plans);
  }
}

/** The plan of a map's values, which are written even if they are the default. */
class MapValuePlan extends MemberPlan {
  constructor(field: FieldDescriptor) {
    super(field, -1, -1, 2);
    this.entry = this;
  }
}

export class MessagePlan {
  /** The members in the order of declaration, including omitted ones. */
  readonly members: readonly MemberPlan[];
  readonly required: readonly MemberPlan[];
  /** The first member that a client may use. */
  readonly first: MemberPlan | undefined;
  /** The number of slots in the {@link SeenStack} that an object needs: a bit for each member, and a slot for each oneof. */
  readonly slots: number;
  readonly form: number;
  /** The reader of the JSON string, for the form TEXT. Undefined for other forms. */
  readonly text: TextForm | undefined;
  /** The plan of a wrapper's `value`, and the tag of this field. Undefined and 0 for other messages. */
  readonly wrapped: ValuePlan | undefined;
  readonly wrappedTag: number;
  /** The ordinals of the members that a client may use, by their names. */
  private readonly names = new KeyTable();
  private readonly byName = new Map<string, MemberPlan>();
  private readonly byField = new Map<FieldDescriptor, MemberPlan>();

  constructor(
    readonly descriptor: MessageDescriptor,
    plans: ReadPlans,
    private readonly omitted: ReadonlySet<string>,
  ) {
    const { fields, oneofs, fullName } = descriptor;
    const words = (fields.length + 31) >>> 5;
    this.slots = words + oneofs.length;
    this.members = fields.map((field, ordinal) => {
      const oneof = field.oneof === undefined ? -1 : words + oneofs.indexOf(field.oneof);
      return new MemberPlan(field, ordinal, oneof);
    });
    this.required = this.members.filter(({ field }) => field.presence === 'required');
    for (const member of this.members) this.byField.set(member.field, member);
    const visible = this.members.filter(({ field }) => !omitted.has(field.fullName));
    this.first = visible[0];
    for (const [index, member] of visible.entries()) {
      member.next = visible[index + 1];
      this.addName(member.field.name, member);
    }
    for (const member of visible) this.addName(member.field.jsonName, member);
    this.text = textFormOf(fullName);
    const scalar = wrappedScalar(fullName);
    this.wrapped = scalar && plans.scalar(scalar);
    this.wrappedTag = scalar === undefined ? 0 : (1 << 3) | scalarWireType(scalar);
    this.form =
      this.text !== undefined ? Form.TEXT : scalar !== undefined ? Form.WRAPPER : (FORMS.get(fullName) ?? Form.OBJECT);
  }

  private addName(name: string, member: MemberPlan): void {
    this.byName.set(name, member);
    const bytes = Buffer.from(name);
    this.names.put(bytes, 0, bytes.length, member.ordinal);
  }

  /** Returns the member with the proto name or JSON name `bytes[start, end)`, which has no escapes. */
  at(bytes: Uint8Array, start: number, end: number): MemberPlan | undefined {
    const ordinal = this.names.get(bytes, start, end);
    return ordinal === undefined ? undefined : this.members[ordinal];
  }

  /** Returns the member with a proto name, a JSON name or, for an extension, a name such as `[pkg.ext]`. */
  named(name: string): MemberPlan | undefined {
    const member = this.byName.get(name);
    if (member !== undefined || !name.startsWith('[')) return member;
    const extension = this.descriptor.fieldNamed(name);
    if (extension?.extension !== true || this.omitted.has(extension.fullName)) return undefined;
    const planned = this.memberOf(extension);
    this.byName.set(name, planned);
    return planned;
  }

  /** The proto and JSON names that a client may use, without extensions. */
  get nameList(): readonly string[] {
    return [...this.byName.keys()].filter((name) => !name.startsWith('['));
  }

  memberOf(field: FieldDescriptor): MemberPlan {
    let member = this.byField.get(field);
    if (member === undefined) {
      member = new MemberPlan(field, -1, -1);
      this.byField.set(field, member);
    }
    return member;
  }
}

const FORMS: ReadonlyMap<string, number> = new Map([
  ['google.protobuf.Value', Form.VALUE],
  ['google.protobuf.Struct', Form.STRUCT],
  ['google.protobuf.ListValue', Form.LIST],
  ['google.protobuf.Any', Form.ANY],
]);

/** The plans of all message types, each of which is made on first use and kept. */
export class ReadPlans {
  private readonly messages = new Map<MessageDescriptor, MessagePlan>();
  private readonly enums = new Map<EnumDescriptor, ValuePlan>();
  private readonly scalars = new Map<ScalarType, ValuePlan>();
  /** True if unknown keys and unknown names of enums are skipped. */
  readonly ignoresUnknown: boolean;

  constructor(
    readonly registry: Registry,
    private readonly options: JsonOptions,
  ) {
    this.ignoresUnknown = options.unknownFields === 'ignore';
  }

  of(message: MessageDescriptor): MessagePlan {
    let plan = this.messages.get(message);
    if (plan === undefined) {
      plan = new MessagePlan(message, this, this.options.omitFields);
      this.messages.set(message, plan);
    }
    return plan;
  }

  value(type: FieldType): ValuePlan {
    if (type.kind === 'scalar') return this.scalar(type.scalar);
    if (type.kind === 'enum') return this.enum(type.enum);
    const takesNull = type.message.fullName === 'google.protobuf.Value';
    return { ...NO_VALUE, kind: Kind.MESSAGE, message: this.of(type.message), takesNull };
  }

  scalar(scalar: ScalarType): ValuePlan {
    let plan = this.scalars.get(scalar);
    if (plan === undefined) {
      const expected = expectedScalar(scalar);
      plan = { ...NO_VALUE, kind: SCALAR_KINDS[scalar], scalar, expected, ...rangeOfInteger(scalar) };
      this.scalars.set(scalar, plan);
    }
    return plan;
  }

  private enum(descriptor: EnumDescriptor): ValuePlan {
    let plan = this.enums.get(descriptor);
    if (plan === undefined) {
      const names = new KeyTable();
      for (const { name, number } of descriptor.values) {
        const bytes = Buffer.from(name);
        names.put(bytes, 0, bytes.length, number);
      }
      const takesNull = descriptor.fullName === 'google.protobuf.NullValue';
      const expected = `a value of ${descriptor.fullName}`;
      const named = { descriptor, names, skipsUnknown: this.ignoresUnknown };
      plan = { ...NO_VALUE, kind: Kind.ENUM, expected, enum: named, takesNull, ...rangeOfInteger('int32') };
      this.enums.set(descriptor, plan);
    }
    return plan;
  }
}

function rangeOfInteger(scalar: ScalarType): { least: number; most: number } {
  const isWide = scalar.endsWith('64');
  if (scalar.startsWith('u') || scalar.startsWith('fixed')) {
    return { least: 0, most: isWide ? Number.MAX_SAFE_INTEGER : 0xffffffff };
  }
  return isWide
    ? { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER }
    : { least: -0x80000000, most: 0x7fffffff };
}
