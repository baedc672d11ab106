/**
 * This module prepares how messages of one type become JSON: a plan for each type, with an entry for each field. A plan is
 * data and not code, so that one loop (`wire-to-json.ts`) writes all types, and is compiled to machine code once for all of
 * them. Plans are made on first use and kept.
 */
import type {
  EnumDescriptor,
  FieldDescriptor,
  MessageDescriptor,
  OneofDescriptor,
  Registry,
  ScalarType,
} from '../schema/descriptor.js';
import type { JsonOptions } from './json-options.js';
import { type Fixed, fixed } from './json-writer.js';
import { scalarDefault } from './scalar-default.js';
import { WIRE_FIXED32, WIRE_FIXED64, WIRE_GROUP, WIRE_LENGTH, WIRE_VARINT } from './wire-reader.js';

/** The ways to write one value. */
export const Kind = {
  INT32: 0,
  UINT32: 1,
  SINT32: 2,
  INT64: 3,
  UINT64: 4,
  SINT64: 5,
  BOOL: 6,
  ENUM: 7,
  FLOAT: 8,
  DOUBLE: 9,
  STRING: 10,
  BYTES: 11,
  MESSAGE: 12,
} as const;

export const Shape = { SINGULAR: 0, REPEATED: 1, MAP: 2 } as const;

/** The kinds of JSON of a message type: an object of its fields, or a form of its own. */
export const Form = {
  PLAIN: 0,
  TIMESTAMP: 1,
  DURATION: 2,
  MASK: 3,
  ANY: 4,
  VALUE: 5,
  /** The JSON is that of the message's only field, which is a scalar. */
  WRAPPER: 6,
  /** The JSON is that of the message's only field, which is a list or a map. */
  BARE: 7,
} as const;

const SCALARS: Readonly<Record<ScalarType, readonly [kind: number, wireType: number]>> = {
  int32: [Kind.INT32, WIRE_VARINT],
  uint32: [Kind.UINT32, WIRE_VARINT],
  sint32: [Kind.SINT32, WIRE_VARINT],
  int64: [Kind.INT64, WIRE_VARINT],
  uint64: [Kind.UINT64, WIRE_VARINT],
  sint64: [Kind.SINT64, WIRE_VARINT],
  bool: [Kind.BOOL, WIRE_VARINT],
  sfixed32: [Kind.INT32, WIRE_FIXED32],
  fixed32: [Kind.UINT32, WIRE_FIXED32],
  sfixed64: [Kind.INT64, WIRE_FIXED64],
  fixed64: [Kind.UINT64, WIRE_FIXED64],
  float: [Kind.FLOAT, WIRE_FIXED32],
  double: [Kind.DOUBLE, WIRE_FIXED64],
  string: [Kind.STRING, WIRE_LENGTH],
  bytes: [Kind.BYTES, WIRE_LENGTH],
};

/** The properties that decide how the values of a field are written, or the keys or values of a map. */
type Values = Pick<FieldDescriptor, 'type' | 'cardinality' | 'presence' | 'validateUtf8' | 'defaultText' | 'mapKey'>;

/** The plan to write one field, or the keys or the values of a map. */
export class FieldPlan {
  readonly kind: number;
  readonly shape: number;
  /** The wire type of one value. */
  readonly wireType: number;
  /** True if several values may come in one record. */
  readonly packable: boolean;
  readonly implicit: boolean;
  readonly validateUtf8: boolean;
  readonly oneof: OneofDescriptor | undefined;
  readonly enum: EnumPlan | undefined;
  /** True if the enum is closed: a number that it does not declare is then an unknown field. */
  readonly closed: boolean;
  /** The plans of a map's keys and values. Undefined for other fields. */
  readonly mapKey: FieldPlan | undefined;
  readonly mapValue: FieldPlan | undefined;
  /** The JSON of the unset field when it is a whole answer. */
  readonly unset: Fixed;
  /** The JSON of the unset field if `emitDefaults` is set. Undefined when it is not written even then. */
  readonly emitted: Fixed | undefined;
  private planned: MessagePlan | undefined;

  /**
   * `order` is the position of the field among the fields of its message. `key` and `nextKey` are its name in JSON with
   * a colon, the second one after a comma.
   */
  constructor(
    readonly field: FieldDescriptor | undefined,
    readonly order: number,
    readonly key: Fixed,
    readonly nextKey: Fixed,
    private readonly values: Values,
    private readonly plans: WritePlans,
  ) {
    const { type, cardinality } = values;
    this.shape = cardinality === 'map' ? Shape.MAP : cardinality === 'repeated' ? Shape.REPEATED : Shape.SINGULAR;
    this.implicit = values.presence === 'implicit';
    this.validateUtf8 = values.validateUtf8;
    this.oneof = field?.oneof;
    const isMap = cardinality === 'map';
    this.mapKey = isMap ? plans.part({ kind: 'scalar', scalar: values.mapKey ?? 'string' }, values) : undefined;
    this.mapValue = isMap ? plans.part(type, values) : undefined;
    this.enum = type.kind === 'enum' && !isMap ? new EnumPlan(type.enum, plans.options.enumsAsInts) : undefined;
    this.closed = this.enum?.closed === true;
    if (isMap || type.kind === 'message') {
      this.kind = Kind.MESSAGE;
      this.wireType = type.kind === 'message' && type.delimited && !isMap ? WIRE_GROUP : WIRE_LENGTH;
    } else [this.kind, this.wireType] = type.kind === 'enum' ? [Kind.ENUM, WIRE_VARINT] : SCALARS[type.scalar];
    this.packable = this.shape === Shape.REPEATED && this.kind < Kind.STRING;
    const unset = fixed(unsetJson(values, this.enum));
    this.unset = unset;
    this.emitted = plans.options.emitDefaults && this.implicit && field !== undefined ? unset : undefined;
  }

  accepts(wireType: number): boolean {
    return wireType === this.wireType || (this.packable && wireType === WIRE_LENGTH);
  }

  /** The plan of the message type, for a field of kind MESSAGE that is not a map. */
  get message(): MessagePlan {
    if (this.planned === undefined) {
      const { type } = this.values;
      if (type.kind !== 'message') throw new TypeError('expected a message type');
      this.planned = this.plans.of(type.message);
    }
    return this.planned;
  }
}

/** The types whose JSON is not an object. The JSON of an unset field of such a type is null. */
const NULL_WHEN_UNSET =
  /^google\.protobuf\.(Value|ListValue|Timestamp|Duration|FieldMask|(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

function unsetJson({ type, cardinality, defaultText }: Values, enumPlan: EnumPlan | undefined): string {
  if (cardinality === 'map') return '{}';
  if (cardinality === 'repeated') return '[]';
  if (type.kind === 'message') return NULL_WHEN_UNSET.test(type.message.fullName) ? 'null' : '{}';
  if (type.kind === 'enum') return enumPlan!.defaultJson(defaultText);
  return scalarDefault(type.scalar, defaultText);
}

export class EnumPlan {
  readonly closed: boolean;
  readonly isNull: boolean;
  private readonly few: (Fixed | undefined)[] = [];
  private readonly many = new Map<number, Fixed>();

  constructor(
    private readonly descriptor: EnumDescriptor,
    private readonly asInts: boolean,
  ) {
    this.closed = descriptor.closed;
    this.isNull = descriptor.fullName === 'google.protobuf.NullValue';
    for (const { number } of descriptor.values) {
      const json = fixed(this.jsonOf(number));
      if (number >= 0 && number <= MAX_DIRECT) this.few[number] = json;
      else this.many.set(number, json);
    }
  }

  /** Returns the JSON of a number that the enum declares. Undefined for other numbers. */
  json(number: number): Fixed | undefined {
    return number >= 0 && number <= MAX_DIRECT ? this.few[number] : this.many.get(number);
  }

  defaultJson(defaultText: string | undefined): string {
    const first = this.closed ? (this.descriptor.values[0]?.number ?? 0) : 0;
    return this.jsonOf((defaultText === undefined ? undefined : this.descriptor.numberOf(defaultText)) ?? first);
  }

  private jsonOf(number: number): string {
    if (this.isNull) return 'null';
    const name = this.asInts ? undefined : this.descriptor.nameOf(number);
    return name === undefined ? String(number) : `"${name}"`;
  }
}

/** The highest number of a field or enum value that is found by index. A map has the others. */
const MAX_DIRECT = 255;

export class MessagePlan {
  readonly form: number;
  /**
   * For FieldMask, the names of omitted fields: paths with such a name are not written. Undefined for other types, and if there
   * are none.
   */
  readonly hiddenNames: ReadonlySet<string> | undefined;
  /** True if some unset fields of the message are written with their defaults (`emitDefaults`). */
  hasDefaults = false;
  /**
   * True if the fields of a message are put in order before they are written, because they may come in another order than
   * they are declared, or a message of this type did.
   */
  unordered = false;
  /**
   * True if other fields are declared between the members of a oneof. Then two members of it may be set although all fields
   * come in order.
   */
  scattered = false;
  readonly byNumber: (FieldPlan | undefined)[] = [];
  private readonly others = new Map<number, FieldPlan>();
  private fields: readonly FieldPlan[] | undefined;

  constructor(
    readonly descriptor: MessageDescriptor,
    private readonly plans: WritePlans,
  ) {
    this.form = formOf(descriptor);
    this.hiddenNames = this.form === Form.MASK && plans.hiddenNames.size > 0 ? plans.hiddenNames : undefined;
  }

  /** The fields in the order of their declaration, without omitted ones. */
  get declared(): readonly FieldPlan[] {
    return this.fields ?? this.compile();
  }

  /** True if a message without a field is written as `{}`. */
  get isEmptyObject(): boolean {
    this.prepare();
    return !this.hasDefaults;
  }

  /** Plans the fields, if that is not done yet. */
  prepare(): void {
    if (this.fields === undefined) this.compile();
  }

  /** Returns the field or extension with a number. Undefined for unknown and omitted ones. */
  of(number: number): FieldPlan | undefined {
    const { declared } = this;
    const known = number <= MAX_DIRECT ? this.byNumber[number] : this.others.get(number);
    if (known !== undefined) return known;
    const extension = this.descriptor.field(number);
    if (extension === undefined || this.plans.isOmitted(extension)) return undefined;
    return this.add(this.plans.field(extension, declared.length + number));
  }

  private compile(): readonly FieldPlan[] {
    const fields = this.descriptor.fields.filter((field) => !this.plans.isOmitted(field));
    const declared = fields.map((field, order) => this.add(this.plans.field(field, order)));
    this.fields = declared;
    const oneofs = new Map<OneofDescriptor, number>();
    let highest = 0;
    for (const { oneof, order, emitted, field } of declared) {
      // Servers send fields in the order of their numbers.
      if (field!.number < highest) this.unordered = true;
      highest = field!.number;
      if (emitted !== undefined) this.hasDefaults = true;
      if (oneof === undefined) continue;
      if ((oneofs.get(oneof) ?? order - 1) < order - 1) this.scattered = true;
      oneofs.set(oneof, order);
    }
    if (this.scattered) this.unordered = true;
    return declared;
  }

  private add(plan: FieldPlan): FieldPlan {
    const { number } = plan.field!;
    if (number <= MAX_DIRECT) this.byNumber[number] = plan;
    else this.others.set(number, plan);
    return plan;
  }
}

const WELL_KNOWN: ReadonlyMap<string, number> = new Map<string, number>([
  ['Timestamp', Form.TIMESTAMP],
  ['Duration', Form.DURATION],
  ['FieldMask', Form.MASK],
  ['Any', Form.ANY],
  ['Value', Form.VALUE],
  ['Struct', Form.BARE],
  ['ListValue', Form.BARE],
]);
const PREFIX = 'google.protobuf.';
const WRAPPER = /^(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value$/;

function formOf({ fullName }: MessageDescriptor): number {
  if (!fullName.startsWith(PREFIX)) return Form.PLAIN;
  const name = fullName.slice(PREFIX.length);
  return WRAPPER.test(name) ? Form.WRAPPER : (WELL_KNOWN.get(name) ?? Form.PLAIN);
}

/** The plans of all message types for one set of options. */
export class WritePlans {
  private readonly plans = new Map<MessageDescriptor, MessagePlan>();
  /** The names of omitted fields. A FieldMask in an answer does not contain them. */
  readonly hiddenNames: ReadonlySet<string>;

  constructor(
    readonly registry: Registry,
    readonly options: JsonOptions,
  ) {
    this.hiddenNames = new Set([...options.omitFields].map((path) => path.slice(path.lastIndexOf('.') + 1)));
  }

  of(message: MessageDescriptor): MessagePlan {
    let plan = this.plans.get(message);
    if (plan === undefined) {
      plan = new MessagePlan(message, this);
      this.plans.set(message, plan);
    }
    return plan;
  }

  field(field: FieldDescriptor, order: number): FieldPlan {
    const name = JSON.stringify(this.options.protoNames && !field.extension ? field.name : field.jsonName);
    return new FieldPlan(field, order, fixed(`${name}:`), fixed(`,${name}:`), field, this);
  }

  /** Plans the keys or the values of a map. Its values are written even if they are the default. */
  part(type: FieldDescriptor['type'], { validateUtf8 }: Values): FieldPlan {
    const none = { mapKey: undefined, defaultText: undefined };
    const values: Values = { type, cardinality: 'singular', presence: 'explicit', validateUtf8, ...none };
    return new FieldPlan(undefined, 0, NO_KEY, NO_KEY, values, this);
  }

  isOmitted({ fullName }: FieldDescriptor): boolean {
    return this.options.omitFields.has(fullName);
  }
}

const NO_KEY = fixed('');
