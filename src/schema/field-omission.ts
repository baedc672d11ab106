/**
 * This module builds a view of a registry: the same schema without some fields. A surface that omits fields shows its clients
 * such a view (docs/surfaces.md), so everything that reads descriptors (codecs, queries, masks, hints, documents) treats an
 * omitted field as one that does not exist. A message type that can reach no omitted field is the same object in the view, so
 * most of a schema costs nothing.
 *
 *     view = registryWithout(registry, new Set(['shop.v1.Order.internal_notes']))
 *     view.message('shop.v1.Order').fieldNamed('internal_notes')    → undefined
 *     view.message('shop.v1.Money') === registry.message('shop.v1.Money')
 */
import type { Steps } from '../base/slices.js';
import type {
  FieldDescriptor,
  FieldType,
  MessageDescriptor,
  MethodDescriptor,
  OneofDescriptor,
  Registry,
  ServiceDescriptor,
} from './descriptor.js';
import { MaskNames } from './mask-names.js';
import { allFields, messagesOf, Reach } from './message-reach.js';

/** A registry without the omitted fields. The "whole registry" is the one that still has them. */
export interface SchemaView extends Registry {
  /** Returns a method of the whole registry with the messages of the view. */
  methodOf(method: MethodDescriptor): MethodDescriptor;
  /** Returns the method of the whole registry for a method of the view. */
  wholeOf(method: MethodDescriptor): MethodDescriptor;
  /** Returns the message of the view for a message of the whole registry. */
  messageOf(message: MessageDescriptor): MessageDescriptor;
  /** True if a message of the view, or a message inside of it, lacks a field. */
  lacksFields(message: MessageDescriptor): boolean;
  /** True if a google.protobuf.FieldMask can be inside of the message. */
  mayHoldMask(message: MessageDescriptor): boolean;
  /** Reads the names that {@link maskPath} needs, which takes long for a large schema. */
  readNames(): Steps<void>;
  /**
   * Tells whether a client may know a path of a FieldMask, in proto names. It is `omitted` if a name in it is that of an
   * omitted field, and `unknown` if a name is that of no field. The message that the path belongs to is not known.
   */
  maskPath(path: string): 'visible' | 'omitted' | 'unknown';
}

const MASK = 'google.protobuf.FieldMask';
const ANY = 'google.protobuf.Any';

/** Returns the view of a registry without the fields with these full names. */
export function registryWithout(registry: Registry, omitted: ReadonlySet<string>): SchemaView {
  return new View(registry, omitted);
}

class View implements SchemaView {
  private readonly lacking = new Reach((message) => allFields(message).some((field) => this.omits(field)));
  private readonly masks = new Reach(({ fullName }) => fullName === MASK || fullName === ANY);
  private readonly messages = new Map<MessageDescriptor, MessageDescriptor>();
  private readonly methods = new Map<MethodDescriptor, MethodDescriptor>();
  private readonly names: MaskNames;
  private readonly serviceViews = new Map<ServiceDescriptor, ServiceDescriptor>();

  constructor(
    private readonly registry: Registry,
    private readonly omitted: ReadonlySet<string>,
  ) {
    this.names = new MaskNames(registry, omitted);
  }

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

  wholeOf(method: MethodDescriptor): MethodDescriptor {
    return method instanceof MethodView ? method.whole : method;
  }

  messageOf(message: MessageDescriptor): MessageDescriptor {
    if (!this.lacking.of(message)) return message;
    const known = this.messages.get(message);
    if (known !== undefined) return known;
    const view = new MessageView(this, message);
    this.messages.set(message, view);
    return view;
  }

  omits({ fullName }: FieldDescriptor): boolean {
    return this.omitted.has(fullName);
  }

  lacksFields(message: MessageDescriptor): boolean {
    return message instanceof MessageView;
  }

  mayHoldMask(message: MessageDescriptor): boolean {
    return this.masks.of(message);
  }

  readNames(): Steps<void> {
    return this.names.read();
  }

  maskPath(path: string): 'visible' | 'omitted' | 'unknown' {
    return this.names.pathOf(path);
  }

  private serviceOf(service: ServiceDescriptor): ServiceDescriptor {
    const known = this.serviceViews.get(service);
    if (known !== undefined) return known;
    const methods = service.methods.map((method) => this.methodOf(method));
    const isSame = methods.every((method, index) => method === service.methods[index]);
    // Upstreams are found by the service object, so methods keep referring to the service of the whole registry.
    const view = isSame ? service : new ServiceView(service, methods);
    this.serviceViews.set(service, view);
    return view;
  }

  private isSame(method: MethodDescriptor): boolean {
    return !messagesOf(method).some((message) => this.lacking.of(message));
  }
}

/** The part of a view that is the same for declarations of all kinds. */
abstract class DeclarationView<D extends ServiceDescriptor | MethodDescriptor | MessageDescriptor | FieldDescriptor> {
  readonly fullName: string;
  readonly name: string;

  /** `whole` is the declaration in the whole registry. */
  constructor(readonly whole: D) {
    this.fullName = whole.fullName;
    this.name = whole.name;
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

class ServiceView extends DeclarationView<ServiceDescriptor> implements ServiceDescriptor {
  readonly file: string;

  constructor(
    whole: ServiceDescriptor,
    readonly methods: readonly MethodDescriptor[],
  ) {
    super(whole);
    this.file = whole.file;
  }
  get defaultPolicy() {
    return this.whole.defaultPolicy;
  }
}

class MethodView extends DeclarationView<MethodDescriptor> implements MethodDescriptor {
  readonly path: string;
  readonly service: ServiceDescriptor;
  readonly clientStreaming: boolean;
  readonly serverStreaming: boolean;
  readonly input: MessageDescriptor;
  readonly output: MessageDescriptor;

  constructor(view: View, whole: MethodDescriptor) {
    super(whole);
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
}

interface Members {
  readonly fields: readonly FieldDescriptor[];
  readonly extensions: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly of: ReadonlyMap<FieldDescriptor, FieldDescriptor>;
}

class MessageView extends DeclarationView<MessageDescriptor> implements MessageDescriptor {
  readonly kind = 'message';
  private members: Members | undefined;

  constructor(
    private readonly view: View,
    whole: MessageDescriptor,
  ) {
    super(whole);
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

  private seen(field: FieldDescriptor | undefined): FieldDescriptor | undefined {
    return field && this.linked.of.get(field);
  }

  /** Returns the field whose JSON name is the proto name of an omitted field. The whole message finds only the omitted one. */
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

class FieldView extends DeclarationView<FieldDescriptor> implements FieldDescriptor {
  readonly jsonName: string;
  readonly number: number;
  readonly cardinality: FieldDescriptor['cardinality'];
  private linkedType: FieldType | undefined;

  constructor(
    private readonly view: View,
    whole: FieldDescriptor,
    readonly parent: MessageDescriptor,
    readonly oneof: OneofDescriptor | undefined,
  ) {
    super(whole);
    this.jsonName = whole.jsonName;
    this.number = whole.number;
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

  private link(): FieldType {
    const { type } = this.whole;
    if (type.kind !== 'message') return type;
    const message = this.view.messageOf(type.message);
    return message === type.message ? type : { ...type, message };
  }
}
