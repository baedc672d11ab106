/**
 * This module turns the declaration of a service into its descriptor and those of its methods. The messages of a method
 * are found on first use.
 */
import { errorAt } from '../base/diagnostic.js';
import { labelsOf } from './annotation-reader.js';
import { bundledFileOf } from './bundled.js';
import {
  lastSegment,
  type MethodDeclaration,
  type Places,
  type ServiceDeclaration,
  type TypeReference,
} from './declaration.js';
import {
  LinkError,
  type MessageDescriptor,
  type MethodDescriptor,
  type Routing,
  type ServiceDescriptor,
} from './descriptor.js';
import type { LinkedFile } from './linked-file.js';
import { dotted } from './method-selector.js';
import { missingImport } from './missing-imports.js';

export class Service implements ServiceDescriptor {
  readonly methods: readonly MethodDescriptor[];

  constructor(
    linkedFile: LinkedFile,
    private readonly declaration: ServiceDeclaration,
    readonly file: string,
    routed: boolean,
  ) {
    const routing = routed ? 'routed' : 'unrouted';
    this.methods = declaration.methods.map((method) => new Method(linkedFile, method, this, routing));
  }

  get fullName(): string {
    return this.declaration.fullName;
  }
  get name(): string {
    return lastSegment(this.declaration.fullName);
  }
  get defaultPolicy() {
    return this.declaration.defaultPolicy;
  }
  get places(): Places {
    return this.declaration.places;
  }
  get comment(): string | undefined {
    return this.declaration.places.comment(this.declaration.fullName);
  }
  documentOptions() {
    return this.declaration.places.documentOptions(this.declaration.fullName);
  }
  get position() {
    return this.declaration.position;
  }
}

class Method implements MethodDescriptor {
  readonly fullName: string;
  readonly path: string;
  private linkedInput: MessageDescriptor | undefined;
  private linkedOutput: MessageDescriptor | undefined;

  constructor(
    private readonly file: LinkedFile,
    private readonly declaration: MethodDeclaration,
    readonly service: Service,
    private readonly fileRouting: Routing,
  ) {
    this.fullName = `${service.fullName}/${declaration.name}`;
    this.path = `/${this.fullName}`;
  }

  get name(): string {
    return this.declaration.name;
  }
  get input(): MessageDescriptor {
    this.linkedInput ??= this.message('request', this.declaration.input);
    return this.linkedInput;
  }
  get output(): MessageDescriptor {
    this.linkedOutput ??= this.message('response', this.declaration.output);
    return this.linkedOutput;
  }
  get clientStreaming(): boolean {
    return this.declaration.clientStreaming;
  }
  get serverStreaming(): boolean {
    return this.declaration.serverStreaming;
  }
  get idempotency() {
    return this.declaration.idempotency;
  }
  get deprecated(): boolean {
    return this.declaration.deprecated;
  }
  get routing(): Routing {
    return this.declaration.routing ?? this.fileRouting;
  }
  get httpRule() {
    return this.declaration.httpRule;
  }
  get labels() {
    return labelsOf(this.declaration.policy, this.service.defaultPolicy);
  }
  get policy() {
    return this.declaration.policy;
  }
  get aggregate() {
    return this.declaration.aggregate;
  }
  get comment(): string | undefined {
    return this.service.places.comment(dotted(this.fullName));
  }
  documentOptions() {
    return this.service.places.documentOptions(dotted(this.fullName));
  }
  get position() {
    return this.declaration.position;
  }

  private message(role: string, reference: TypeReference): MessageDescriptor {
    const type = this.file.find(reference);
    if (type?.kind === 'message') return type;
    const bundled = type === undefined ? bundledFileOf(reference.name) : undefined;
    if (bundled !== undefined) throw new LinkError(missingImport(this.position, bundled));
    const found = type === undefined ? 'but no loaded file declares it' : 'but it is an enum';
    const text = `${this.fullName}: expected its ${role} type ${reference.name} to be a message, ${found}`;
    throw new LinkError(errorAt(this.position, 'unknown-type', text));
  }
}
