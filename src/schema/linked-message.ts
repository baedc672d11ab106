/** This module turns the declaration of a message into its descriptor and those of its fields, on first use. */
import {
  type ExtensionDeclaration,
  type FieldDeclaration,
  jsonNameOf,
  lastSegment,
  type MessageDeclaration,
  type Places,
} from './declaration.js';
import {
  type FieldDescriptor,
  type FieldType,
  LinkError,
  type MessageDescriptor,
  type OneofDescriptor,
  type ScalarType,
} from './descriptor.js';
import { setOnce } from './linked-enum.js';
import type { LinkedFile } from './linked-file.js';
import { unknownType } from './problems.js';

interface Members {
  readonly fields: readonly FieldDescriptor[];
  readonly oneofs: readonly OneofDescriptor[];
  readonly extensions: readonly FieldDescriptor[];
}

/** The descriptor of a message. */
export class Message implements MessageDescriptor {
  readonly kind = 'message';
  readonly typed: FieldType = { kind: 'message', message: this, delimited: false };
  /**
   * The fields of the message. They are made on first use, because most messages of a schema never occur in a request.
   */
  private members: Members | undefined;
  private byNumber: Map<number, FieldDescriptor> | undefined;
  private byName: Map<string, FieldDescriptor> | undefined;

  constructor(
    private readonly file: LinkedFile,
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
    const { file, declaration } = this;
    file.noteNeeds(declaration);
    const oneofs = declaration.oneofs.map((name) => ({ name, fields: [] as FieldDescriptor[] }));
    const oneofByName = new Map(oneofs.map((oneof) => [oneof.name, oneof]));
    const fields = declaration.fields.map((field) => {
      const oneof = field.oneof === undefined ? undefined : oneofByName.get(field.oneof);
      const linked = new Field(file, field, this, oneof, undefined, declaration.places);
      oneof?.fields.push(linked);
      return linked;
    });
    const extensions = this.declared.map(
      ({ field, fullName, places }) => new Field(file, field, this, undefined, fullName, places),
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
    private readonly file: LinkedFile,
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
    const found = this.file.find(type);
    if (found?.kind === 'message' && delimited) return { kind: 'message', message: found, delimited };
    if (found !== undefined) return found.typed;
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
