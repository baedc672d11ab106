/**
 * This module builds a view of a registry without some fields. Clients of a surface see the schema through such a view,
 * so everything that reads descriptors (codecs, queries, masks, hints, documents) treats an omitted field as one that
 * does not exist. A message type that can reach no omitted field is the same object in the view, so most of a schema
 * costs nothing.
 *
 *     view = registryWithout(registry, new Set(['shop.v1.Order.internal_notes']))
 *     view.message('shop.v1.Order').fieldNamed('internal_notes')    → undefined
 *     view.message('shop.v1.Money') === registry.message('shop.v1.Money')
 */
import type {
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  MethodDescriptor,
  OneofDescriptor,
  Registry,
  ServiceDescriptor,
} from './descriptor.js';
import { LinkError } from './descriptor.js';

/** A registry as clients see it. */
export interface SchemaView extends Registry {
  /** Returns a method of the whole registry with the messages of the view. */
  methodOf(method: MethodDescriptor): MethodDescriptor;
  /** Returns the message of the view for a message of the whole registry. */
  messageOf(message: MessageDescriptor): MessageDescriptor;
}

/** Returns the view of a registry without the fields with these full names. */
export function registryWithout(registry: Registry, omitted: ReadonlySet<string>): SchemaView {
  return new View(registry, omitted);
}

class View implements SchemaView {
  private readonly reach = new Map<MessageDescriptor, boolean>();
  private readonly messages = new Map<MessageDescriptor, MessageDescriptor>();
  private readonly methods = new Map<MethodDescriptor, MethodDescriptor>();
  private readonly serviceViews = new Map<ServiceDescriptor, ServiceDescriptor>();

  constructor(
    private readonly registry: Registry,
    private readonly omitted: ReadonlySet<string>,
  ) {}

  get services(): readonly ServiceDescriptor[] {
    return this.registry.services.map((service) => this.serviceOf(service));
  }
  message(fullName: string): MessageDescriptor | undefined {
    const message = this.registry.message(fullName);
    return message && this.messageOf(message);
  }
  enum(fullName: string) {
    return this.registry.enum(fullName);
  }
  method(fullName: string): MethodDescriptor | undefined {
    const method = this.registry.method(fullName);
    return method && this.methodOf(method);
  }
  problems(message: MessageDescriptor) {
    return this.registry.problems(message);
  }

  methodOf(method: MethodDescriptor): MethodDescriptor {
    const known = this.methods.get(method);
    if (known !== undefined) return known;
    const view = this.isSame(method) ? method : new MethodView(this, method);
    this.methods.set(method, view);
    return view;
  }

  messageOf(message: MessageDescriptor): MessageDescriptor {
    if (!this.reaches(message)) return message;
    const known = this.messages.get(message);
    if (known !== undefined) return known;
    const view = new MessageView(this, message);
    this.messages.set(message, view);
    return view;
  }

  omits({ fullName }: FieldDescriptor): boolean {
    return this.omitted.has(fullName);
  }

  private serviceOf(service: ServiceDescriptor): ServiceDescriptor {
    const known = this.serviceViews.get(service);
    if (known !== undefined) return known;
    const methods = service.methods.map((method) => this.methodOf(method));
    const isSame = methods.every((method, index) => method === service.methods[index]);
    // A service is the key of its upstream, so its methods keep referring to the service of the whole registry.
    const view = isSame ? service : new ServiceView(service, methods);
    this.serviceViews.set(service, view);
    return view;
  }

  private isSame(method: MethodDescriptor): boolean {
    try {
      return !this.reaches(method.input) && !this.reaches(method.output);
    } catch (error) {
      // The method has a message that no file declares. It has no route, and the problem is reported elsewhere.
      if (error instanceof LinkError) return true;
      throw error;
    }
  }

  /** True if the message, or any message that can be inside of it, has an omitted field. Each message is read once. */
  private reaches(message: MessageDescriptor): boolean {
    const known = this.reach.get(message);
    if (known !== undefined) return known;
    /** The messages that contain a message. */
    const holders = new Map<MessageDescriptor, MessageDescriptor[]>([[message, []]]);
    const found: MessageDescriptor[] = [];
    // A Map yields the entries that are added while it is read.
    for (const one of holders.keys()) {
      if (this.reach.get(one) === true) found.push(one);
      if (this.reach.has(one)) continue;
      for (const field of [...one.fields, ...one.extensions]) {
        if (this.omits(field)) found.push(one);
        const inner = messageIn(field);
        if (inner === undefined) continue;
        const others = holders.get(inner);
        if (others === undefined) holders.set(inner, [one]);
        else others.push(one);
      }
    }
    for (const one of holders.keys()) if (!this.reach.has(one)) this.reach.set(one, false);
    for (let one = found.pop(); one !== undefined; one = found.pop()) {
      this.reach.set(one, true);
      for (const holder of holders.get(one)!) if (this.reach.get(holder) !== true) found.push(holder);
      holders.set(one, []);
    }
    return this.reach.get(message)!;
  }
}

/** Returns the type of a message field. Undefined for other fields, and for a type that no file declares. */
function messageIn(field: FieldDescriptor): MessageDescriptor | undefined {
  try {
    return field.type.kind === 'message' ? field.type.message : undefined;
  } catch (error) {
    if (error instanceof LinkError) return undefined;
    throw error;
  }
}

class ServiceView implements ServiceDescriptor {
  readonly fullName: string;
  readonly name: string;
  readonly file: string;
  constructor(
    private readonly whole: ServiceDescriptor,
    readonly methods: readonly MethodDescriptor[],
  ) {
    this.fullName = whole.fullName;
    this.name = whole.name;
    this.file = whole.file;
  }
  get defaultPolicy() {
    return this.whole.defaultPolicy;
  }
  get comment() {
    return this.whole.comment;
  }
  documentOptions() {
    return this.whole.documentOptions();
  }
  get position() {
    return this.whole.position;
  }
}

class MethodView implements MethodDescriptor {
  readonly name: string;
  readonly fullName: string;
  readonly path: string;
  readonly service: ServiceDescriptor;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly input: MessageDescriptor;
  readonly output: MessageDescriptor;

  constructor(
    view: View,
    private readonly whole: MethodDescriptor,
  ) {
    this.name = whole.name;
    this.fullName = whole.fullName;
    this.path = whole.path;
    this.service = whole.service;
    this.clientStreaming = whole.clientStreaming;
    this.serverStreaming = whole.serverStreaming;
    this.input = view.messageOf(whole.input);
    this.output = view.messageOf(whole.output);
  }
  get idempotency() {
    return this.whole.idempotency;
  }
  get deprecated() {
    return this.whole.deprecated;
  }
  get routing() {
    return this.whole.routing;
  }
  get httpRule() {
    return this.whole.httpRule;
  }
  get labels() {
    return this.whole.labels;
  }
  get policy() {
    return this.whole.policy;
  }
  get aggregate() {
    return this.whole.aggregate;
  }
  get comment() {
    return this.whole.comment;
  }
  documentOptions() {
    return this.whole.documentOptions();
  }
  get position() {
    return this.whole.position;
  }
}

interface Members {
  readonly fields: readonly FieldDescriptor[];
  readonly extensions: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly of: ReadonlyMap<FieldDescriptor, FieldDescriptor>;
}

class MessageView implements MessageDescriptor {
  readonly kind = 'message';
  readonly fullName: string;
  readonly name: string;
  private members: Members | undefined;

  constructor(
    private readonly view: View,
    private readonly whole: MessageDescriptor,
  ) {
    this.fullName = whole.fullName;
    this.name = whole.name;
  }

  get fields() {
    return this.linked.fields;
  }
  get extensions() {
    return this.linked.extensions;
  }
  get oneofs() {
    return this.linked.oneofs;
  }
  field(number: number): FieldDescriptor | undefined {
    return this.seen(this.whole.field(number));
  }
  fieldNamed(name: string): FieldDescriptor | undefined {
    return this.seen(this.whole.fieldNamed(name)) ?? this.hiddenBehind(name);
  }
  get messageSet() {
    return this.whole.messageSet;
  }
  get comment() {
    return this.whole.comment;
  }
  documentOptions() {
    return this.whole.documentOptions();
  }
  get position() {
    return this.whole.position;
  }

  private seen(field: FieldDescriptor | undefined): FieldDescriptor | undefined {
    return field && this.linked.of.get(field);
  }

  /** Returns the field whose JSON name is the proto name of an omitted one. */
  private hiddenBehind(name: string): FieldDescriptor | undefined {
    return this.fields.find(({ jsonName }) => jsonName === name);
  }

  private get linked(): Members {
    this.members ??= this.link();
    return this.members;
  }

  private link(): Members {
    const { view, whole } = this;
    const of = new Map<FieldDescriptor, FieldDescriptor>();
    const oneofs = new Map<OneofDescriptor, { readonly name: string; readonly fields: FieldDescriptor[] }>();
    const seen = (field: FieldDescriptor): FieldDescriptor[] => {
      if (view.omits(field)) return [];
      let oneof: { readonly name: string; readonly fields: FieldDescriptor[] } | undefined;
      if (field.oneof !== undefined) {
        oneof = oneofs.get(field.oneof) ?? { name: field.oneof.name, fields: [] };
        oneofs.set(field.oneof, oneof);
      }
      const one = new FieldView(view, field, this, oneof);
      oneof?.fields.push(one);
      of.set(field, one);
      return [one];
    };
    const fields = whole.fields.flatMap(seen);
    return { fields, extensions: whole.extensions.flatMap(seen), oneofs: [...oneofs.values()], of };
  }
}

class FieldView implements FieldDescriptor {
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  readonly fullName: string;
  readonly cardinality: FieldDescriptor['cardinality'];
  private linkedType: FieldType | undefined;

  constructor(
    private readonly view: View,
    private readonly whole: FieldDescriptor,
    readonly parent: MessageDescriptor,
    readonly oneof: OneofDescriptor | undefined,
  ) {
    this.name = whole.name;
    this.jsonName = whole.jsonName;
    this.number = whole.number;
    this.fullName = whole.fullName;
    this.cardinality = whole.cardinality;
  }
  get type(): FieldType {
    this.linkedType ??= this.link();
    return this.linkedType;
  }
  get mapKey() {
    return this.whole.mapKey;
  }
  get presence() {
    return this.whole.presence;
  }
  get packed() {
    return this.whole.packed;
  }
  get validateUtf8() {
    return this.whole.validateUtf8;
  }
  get extension() {
    return this.whole.extension;
  }
  get deprecated() {
    return this.whole.deprecated;
  }
  get defaultText() {
    return this.whole.defaultText;
  }
  get behavior() {
    return this.whole.behavior;
  }
  get comment() {
    return this.whole.comment;
  }
  documentOptions() {
    return this.whole.documentOptions();
  }
  get position() {
    return this.whole.position;
  }

  private link(): FieldType {
    const { type } = this.whole;
    if (type.kind !== 'message') return type;
    const message = this.view.messageOf(type.message);
    return message === type.message ? type : { ...type, message };
  }
}
