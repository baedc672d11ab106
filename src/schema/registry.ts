/**
 * This module links declarations into descriptors. Names are resolved on first use, so a missing import affects only
 * the methods that need it.
 */
import type { Diagnostic } from '../base/diagnostic.js';
import { atOnce, type Steps } from '../base/slices.js';
import type {
  EnumDeclaration,
  ExtensionDeclaration,
  FieldDeclaration,
  FileDeclaration,
  MessageDeclaration,
  Places,
  ServiceDeclaration,
  TypeReference,
} from './declaration.js';
import { jsonNameOf, lastSegment, nameIn } from './declaration.js';
import {
  type FieldDescriptor,
  type FieldType,
  LinkError,
  type MessageDescriptor,
  type MethodDescriptor,
  type OneofDescriptor,
  type Registry,
  type ScalarType,
  type ServiceDescriptor,
} from './descriptor.js';
import { Enum, setOnce } from './linked-enum.js';
import { Service } from './linked-service.js';
import { MessageProblems, unknownType } from './problems.js';

export interface RegistryFile {
  readonly declaration: FileDeclaration;
  /** True if the file's services get routes. */
  readonly routed: boolean;
}

/** Receives each declaration in `file` whose name an earlier declaration has. */
export type OnRepeat = (fullName: string, file: FileDeclaration, places: Places, earlier: Places) => void;

interface Declared {
  readonly fullName: string;
  readonly places: Places;
}

/** Builds the registry of files. If two declarations have the same name, the first one is kept. */
export function createRegistry(files: readonly RegistryFile[], onRepeat?: OnRepeat): Registry {
  return atOnce(registrySteps(files, onRepeat));
}

/** Builds the registry in steps, one or two for each file. */
export function* registrySteps(files: readonly RegistryFile[], onRepeat: OnRepeat = () => {}): Steps<Registry> {
  const registry = new LinkedRegistry();
  yield* registry.add(files, onRepeat);
  return registry;
}

/** The types that a package or a message declares directly: full names by simple names. */
interface Scope {
  readonly outer: Scope | undefined;
  readonly types: Map<string, string>;
}

class LinkedRegistry implements Registry {
  readonly services: ServiceDescriptor[] = [];
  private readonly messages = new Map<string, MessageDeclaration>();
  private readonly enums = new Map<string, EnumDeclaration>();
  private readonly methods = new Map<string, MethodDescriptor>();
  private readonly linkedMessages = new Map<string, Message>();
  private readonly linkedEnums = new Map<string, Enum>();
  private readonly extensions = new Map<string, ExtensionDeclaration[]>();
  /** The simple names of all declarations inside a package or a message. */
  private readonly inner = new Set<string>();
  /** The packages and messages by full name. */
  private readonly scopes = new Map<string, Scope>();
  private readonly messageProblems = new MessageProblems((reference) => this.declarationOf(reference));

  *add(files: readonly RegistryFile[], onRepeat: OnRepeat): Steps<void> {
    // A file may be there under two import names.
    for (const file of new Set(files.map(({ declaration }) => declaration))) {
      yield;
      const [, ...packages] = file.package.split('.');
      for (const name of packages) this.inner.add(name);
      const repeated = (one: Declared, earlier: Declared) => onRepeat(one.fullName, file, one.places, earlier.places);
      for (const message of file.messages) this.declare(this.messages, message, repeated);
      for (const one of file.enums) this.declare(this.enums, one, repeated);
    }
    for (const { declaration } of files) {
      for (const extension of declaration.extensions) {
        const name = this.resolve(extension.extendee);
        if (name === undefined) continue;
        const known = this.extensions.get(name);
        if (known === undefined) this.extensions.set(name, [extension]);
        else known.push(extension);
      }
    }
    const known = new Map<string, ServiceDeclaration>();
    for (const { declaration, routed } of files) {
      yield;
      for (const service of declaration.services) {
        const { fullName } = service;
        const first = known.get(fullName);
        if (first === service) continue;
        const earlier = first ?? this.declared(fullName);
        if (earlier !== undefined) onRepeat(fullName, declaration, service.places, earlier.places);
        if (first !== undefined) continue;
        known.set(fullName, service);
        const linked = new Service(this, service, declaration.name, routed);
        this.services.push(linked);
        for (const method of linked.methods) this.methods.set(method.fullName, method);
      }
    }
  }

  message(fullName: string): Message | undefined {
    const known = this.linkedMessages.get(fullName);
    if (known !== undefined) return known;
    const declaration = this.messages.get(fullName);
    if (declaration === undefined) return undefined;
    const message = new Message(this, declaration, this.extensions.get(fullName) ?? []);
    this.linkedMessages.set(fullName, message);
    return message;
  }

  enum(fullName: string): Enum | undefined {
    const known = this.linkedEnums.get(fullName);
    if (known !== undefined) return known;
    const declaration = this.enums.get(fullName);
    if (declaration === undefined) return undefined;
    const linked = new Enum(declaration);
    this.linkedEnums.set(fullName, linked);
    return linked;
  }

  method(fullName: string): MethodDescriptor | undefined {
    return this.methods.get(fullName);
  }

  problems(message: MessageDescriptor): readonly Diagnostic[] {
    const declaration = this.messages.get(message.fullName);
    return declaration === undefined ? [] : this.messageProblems.of(declaration);
  }

  private declarationOf(reference: TypeReference): MessageDeclaration | EnumDeclaration | undefined {
    const fullName = this.resolve(reference);
    return fullName === undefined ? undefined : this.declared(fullName);
  }

  /**
   * Returns the full name that a reference means, from the innermost scope outwards (protobuf.dev, "Packages and Name
   * Resolution"). Undefined when nothing has that name.
   */
  resolve({ name, scope }: TypeReference): string | undefined {
    if (name.startsWith('.')) return this.has(name.slice(1));
    // Only the outermost scope can contain `google.protobuf.Timestamp`, unless something inside a package is called
    // `google`.
    const dot = name.indexOf('.');
    if (dot > 0 && !this.inner.has(name.slice(0, dot))) return this.has(name);
    if (dot < 0) return this.nearest(name, scope);
    for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const found = this.has(nameIn(outer, name));
      if (found !== undefined || outer === '') return found;
    }
  }

  /** Resolves a name of one part, as most names are, without building texts to look up. */
  private nearest(name: string, scope: string): string | undefined {
    for (let at: Scope | undefined = this.scopeOf(scope); at !== undefined; at = at.outer) {
      const found = at.types.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private scopeOf(name: string): Scope {
    const known = this.scopes.get(name);
    if (known !== undefined) return known;
    const outer = name === '' ? undefined : this.scopeOf(name.slice(0, Math.max(0, name.lastIndexOf('.'))));
    const scope: Scope = { outer, types: new Map() };
    this.scopes.set(name, scope);
    return scope;
  }

  private declare<T extends Declared>(
    map: Map<string, T>,
    one: T,
    repeated: (one: T, earlier: Declared) => void,
  ): void {
    const { fullName } = one;
    const earlier = this.declared(fullName);
    if (earlier !== undefined) return repeated(one, earlier);
    const dot = fullName.lastIndexOf('.');
    const name = fullName.slice(dot + 1);
    if (dot > 0) this.inner.add(name);
    this.scopeOf(dot < 0 ? '' : fullName.slice(0, dot)).types.set(name, fullName);
    map.set(fullName, one);
  }

  private declared(fullName: string): MessageDeclaration | EnumDeclaration | undefined {
    return this.messages.get(fullName) ?? this.enums.get(fullName);
  }

  private has(fullName: string): string | undefined {
    return this.messages.has(fullName) || this.enums.has(fullName) ? fullName : undefined;
  }
}

interface Members {
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly extensions: readonly FieldDescriptor[];
}

class Message implements MessageDescriptor {
  readonly kind = 'message';
  readonly typed: FieldType = { kind: 'message', message: this, delimited: false };
  /**
   * The fields of the message. They are made on first use, because most messages of a schema never occur in a request.
   */
  private members: Members | undefined;
  private byNumber: Map<number, FieldDescriptor> | undefined;
  private byName: Map<string, FieldDescriptor> | undefined;

  constructor(
    private readonly registry: LinkedRegistry,
    private readonly declaration: MessageDeclaration,
    private readonly declared: readonly ExtensionDeclaration[],
  ) {}

  get fields(): readonly FieldDescriptor[] {
    return this.linked.fields;
  }
  get oneofs(): readonly OneofDescriptor[] {
    return this.linked.oneofs;
  }
  get extensions(): readonly FieldDescriptor[] {
    return this.linked.extensions;
  }

  private get linked(): Members {
    this.members ??= this.link();
    return this.members;
  }

  private link(): Members {
    const { registry, declaration } = this;
    const oneofs = declaration.oneofs.map((name) => ({ name, fields: [] as FieldDescriptor[] }));
    const oneofByName = new Map(oneofs.map((oneof) => [oneof.name, oneof]));
    const fields = declaration.fields.map((field) => {
      const oneof = field.oneof === undefined ? undefined : oneofByName.get(field.oneof);
      const linked = new Field(registry, field, this, oneof, undefined, declaration.places);
      oneof?.fields.push(linked);
      return linked;
    });
    const extensions = this.declared.map(
      ({ field, fullName, places }) => new Field(registry, field, this, undefined, fullName, places),
    );
    return { fields, oneofs, extensions };
  }

  private numbers(): Map<number, FieldDescriptor> {
    const map = new Map<number, FieldDescriptor>();
    for (const field of this.fields) setOnce(map, field.number, field);
    for (const extension of this.linked.extensions) setOnce(map, extension.number, extension);
    return map;
  }

  private names(): Map<string, FieldDescriptor> {
    const map = new Map<string, FieldDescriptor>();
    for (const field of this.fields) map.set(field.name, field);
    for (const field of this.fields) setOnce(map, field.jsonName, field);
    for (const extension of this.linked.extensions) setOnce(map, extension.jsonName, extension);
    return map;
  }

  get fullName(): string {
    return this.declaration.fullName;
  }
  get name(): string {
    return lastSegment(this.declaration.fullName);
  }
  get messageSet(): boolean {
    return this.declaration.messageSet;
  }
  get comment(): string | undefined {
    return this.declaration.places.comment(this.declaration.fullName);
  }
  documentOptions() {
    return this.declaration.places.documentOptions(this.declaration.fullName);
  }
  get position() {
    return this.declaration.places.position(this.declaration.fullName);
  }
  field(number: number): FieldDescriptor | undefined {
    this.byNumber ??= this.numbers();
    return this.byNumber.get(number);
  }
  fieldNamed(name: string): FieldDescriptor | undefined {
    this.byName ??= this.names();
    return this.byName.get(name);
  }
}

class Field implements FieldDescriptor {
  private linkedType: FieldType | undefined;
  readonly name: string;
  readonly jsonName: string;
  readonly number: number;
  readonly cardinality: FieldDescriptor['cardinality'];

  constructor(
    private readonly registry: LinkedRegistry,
    private readonly declaration: FieldDeclaration,
    readonly parent: MessageDescriptor,
    readonly oneof: OneofDescriptor | undefined,
    /** The full name of an extension. Undefined for other fields. */
    private readonly extensionName: string | undefined,
    private readonly places: Places,
  ) {
    this.name = declaration.name;
    this.jsonName =
      extensionName === undefined ? (declaration.jsonName ?? jsonNameOf(declaration.name)) : `[${extensionName}]`;
    this.number = declaration.number;
    this.cardinality = declaration.cardinality;
  }

  get type(): FieldType {
    this.linkedType ??= this.link();
    return this.linkedType;
  }
  get presence(): FieldDescriptor['presence'] {
    const { presence, cardinality } = this.declaration;
    if (presence !== 'implicit' || cardinality !== 'singular') return presence;
    return this.type.kind === 'message' ? 'explicit' : presence;
  }
  get fullName(): string {
    return this.extensionName ?? `${this.parent.fullName}.${this.name}`;
  }
  get extension(): boolean {
    return this.extensionName !== undefined;
  }
  get mapKey() {
    return this.declaration.mapKey;
  }
  get packed(): boolean {
    const { packed, cardinality } = this.declaration;
    return packed && cardinality === 'repeated' && isPackable(this.type);
  }
  get validateUtf8(): boolean {
    return this.declaration.validateUtf8;
  }
  get deprecated(): boolean {
    return this.declaration.deprecated;
  }
  get defaultText(): string | undefined {
    return this.declaration.defaultText;
  }
  get behavior(): readonly string[] {
    return this.declaration.behavior;
  }
  get comment(): string | undefined {
    return this.places.comment(this.fullName);
  }
  documentOptions() {
    return this.places.documentOptions(this.fullName);
  }
  get position() {
    return this.places.position(this.fullName);
  }

  private link(): FieldType {
    const { type, delimited } = this.declaration;
    if (typeof type === 'string') return scalarType(type);
    const fullName = this.registry.resolve(type);
    const message = fullName === undefined ? undefined : this.registry.message(fullName);
    if (message !== undefined) return delimited ? { kind: 'message', message, delimited } : message.typed;
    const linked = fullName === undefined ? undefined : this.registry.enum(fullName);
    if (linked !== undefined) return linked.typed;
    throw new LinkError(unknownType(this.position, this.fullName, type));
  }
}

/** True for numbers, booleans and enums, whose encoding has no length. */
function isPackable(type: FieldType): boolean {
  if (type.kind === 'scalar') return type.scalar !== 'string' && type.scalar !== 'bytes';
  return type.kind === 'enum';
}

/** The scalar types. All fields share them. */
const SCALAR_TYPES = new Map<ScalarType, FieldType>();

function scalarType(scalar: ScalarType): FieldType {
  const known = SCALAR_TYPES.get(scalar);
  if (known !== undefined) return known;
  const type: FieldType = { kind: 'scalar', scalar };
  SCALAR_TYPES.set(scalar, type);
  return type;
}
