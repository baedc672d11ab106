/**
 * This module links declarations into descriptors. Names are resolved on first use, so a missing import affects only
 * the methods that need it.
 */
import type { Diagnostic } from '../base/diagnostic.js';
import { LayeredMap } from '../base/layered-map.js';
import { atOnce, type Steps } from '../base/slices.js';
import type {
  EnumDeclaration,
  ExtensionDeclaration,
  FileDeclaration,
  MessageDeclaration,
  Places,
  ServiceDeclaration,
  TypeReference,
} from './declaration.js';
import { nameIn } from './declaration.js';
import type { MessageDescriptor, MethodDescriptor, Registry, ServiceDescriptor } from './descriptor.js';
import { type ChangedFiles, changedFiles, type FileChanges, findChanges, placesOf } from './file-changes.js';
import { Enum } from './linked-enum.js';
import { LinkedFile, type LinkedType, type Types } from './linked-file.js';
import { Message } from './linked-message.js';
import { Service } from './linked-service.js';
import { MessageProblems } from './problems.js';

export interface RegistryFile {
  readonly declaration: FileDeclaration;
  /** True if the file's services get routes. */
  readonly routed: boolean;
}

/** This function is called for each declaration in `file` that has the name of an earlier declaration. */
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
  const registry = new LinkedRegistry(noTables(), new Map());
  yield* registry.add(files, onRepeat);
  return registry;
}

/**
 * Builds the registry of files, most of which are files of `previous`. It takes over the descriptors that would be the same.
 * Returns undefined if all files must be linked again, for example because a name is declared twice.
 */
export function* registryAfter(previous: Registry, files: readonly RegistryFile[]): Steps<Registry | undefined> {
  if (!(previous instanceof LinkedRegistry)) return undefined;
  const changed = yield* changedFiles(previous.files, files);
  return changed && (yield* previous.after(files, changed));
}

/** Works like {@link registryAfter} if it is known that only `changed` has changed: each removed file was replaced by an added one. */
export function* registryWith(
  previous: Registry,
  files: readonly RegistryFile[],
  changed: ChangedFiles,
): Steps<Registry | undefined> {
  return previous instanceof LinkedRegistry ? yield* previous.after(files, changed, true) : undefined;
}

/** The types that a package or a message declares directly: full names by simple names. */
interface Scope {
  readonly outer: Scope | undefined;
  readonly types: Map<string, string>;
}

interface Tables {
  readonly messages: LayeredMap<string, MessageDeclaration>;
  readonly enums: LayeredMap<string, EnumDeclaration>;
  readonly linkedMessages: LayeredMap<string, Message>;
  readonly linkedEnums: LayeredMap<string, Enum>;
  readonly linkedFiles: Map<Places, LinkedFile>;
  readonly linkedServices: Map<ServiceDeclaration, Service>;
  readonly extensions: Map<string, ExtensionDeclaration[]>;
  /**
   * The simple names of everything that is declared inside a package or a message, and of inner packages. It is never made
   * smaller, so it may have names that are gone.
   */
  readonly inner: Set<string>;
  /** The names that are declared more than once. */
  readonly repeated: Set<string>;
}

function noTables(): Tables {
  return {
    messages: new LayeredMap(),
    enums: new LayeredMap(),
    linkedMessages: new LayeredMap(),
    linkedEnums: new LayeredMap(),
    linkedFiles: new Map(),
    linkedServices: new Map(),
    extensions: new Map(),
    inner: new Set(),
    repeated: new Set(),
  };
}

/** Copies the tables. Those that may keep old entries are shared instead. */
function* copyOf(tables: Tables): Steps<Tables> {
  const { messages, enums, linkedMessages, linkedEnums, linkedFiles, linkedServices } = tables;
  const copy = { ...tables, messages: messages.copy(), enums: enums.copy() };
  yield;
  return {
    ...copy,
    linkedMessages: linkedMessages.copy(),
    linkedEnums: linkedEnums.copy(),
    linkedFiles: new Map(linkedFiles),
    linkedServices: new Map(linkedServices),
  };
}

function serviceNames(files: readonly FileDeclaration[]): string {
  return files.map(({ services }) => services.map(({ fullName }) => fullName).join(' ')).join('\n');
}

function declaresAny({ messages, enums, services }: FileDeclaration, names: ReadonlySet<string>): boolean {
  return names.size > 0 && [...messages, ...enums, ...services].some(({ fullName }) => names.has(fullName));
}

class LinkedRegistry implements Registry, Types {
  services: ServiceDescriptor[] = [];
  files: readonly RegistryFile[] = [];
  private methods = new LayeredMap<string, MethodDescriptor>();
  private readonly messageProblems = new MessageProblems((reference, user) =>
    this.declarationOf(reference, this.fileOf(user.places)),
  );

  /**
   * `scopes` has the packages and messages by full name, for a faster search. Without it, each possible full name is looked up.
   */
  constructor(
    private readonly tables: Tables,
    private readonly scopes: Map<string, Scope> | undefined,
  ) {}

  *add(files: readonly RegistryFile[], onRepeat: OnRepeat): Steps<void> {
    const { messages, enums, extensions, inner } = this.tables;
    const repeat: OnRepeat = (fullName, ...places) => {
      this.tables.repeated.add(fullName);
      onRepeat(fullName, ...places);
    };
    // One file may be in the list under two import names.
    for (const file of new Set(files.map(({ declaration }) => declaration))) {
      yield;
      const [, ...packages] = file.package.split('.');
      for (const name of packages) inner.add(name);
      const repeated = (one: Declared, earlier: Declared) => repeat(one.fullName, file, one.places, earlier.places);
      for (const message of file.messages) this.declare(messages, message, repeated);
      for (const one of file.enums) this.declare(enums, one, repeated);
    }
    for (const { declaration } of files) {
      for (const extension of declaration.extensions) {
        const name = this.resolve(extension.extendee);
        if (name === undefined) continue;
        const known = extensions.get(name);
        if (known === undefined) extensions.set(name, [extension]);
        else known.push(extension);
      }
    }
    yield* this.addServices(files, repeat);
  }

  private *addServices(files: readonly RegistryFile[], onRepeat: OnRepeat): Steps<void> {
    const { linkedServices } = this.tables;
    this.files = files;
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
        let linked = linkedServices.get(service);
        if (linked === undefined) {
          linked = new Service(this.fileOf(service.places), service, declaration.name, routed);
          linkedServices.set(service, linked);
        }
        this.services.push(linked);
        for (const method of linked.methods) this.methods.set(method.fullName, method);
      }
    }
  }

  /** Does what {@link registryAfter} describes. With `inPlace`, each removed file was replaced by an added one. */
  *after(files: readonly RegistryFile[], changed: ChangedFiles, inPlace = false): Steps<LinkedRegistry | undefined> {
    const { messages, extensions, linkedFiles, repeated } = this.tables;
    if ([...changed.removed, ...changed.added].some((file) => declaresAny(file, repeated))) return undefined;
    const before = {
      files: this.files,
      needsOf: (places: Places) => linkedFiles.get(places)?.needs,
      extended: [...extensions.keys()].flatMap((name) => messages.get(name)?.places ?? []),
    };
    const changes = yield* findChanges(before, files, changed);
    if (changes === undefined) return undefined;
    const next = new LinkedRegistry(yield* copyOf(this.tables), undefined);
    const isWhole = yield* next.replace(changes, this, files, inPlace);
    if (!isWhole) return undefined;
    for (const [places, file] of next.tables.linkedFiles) if (!changes.stale.has(places)) file.moveTo(next);
    return next;
  }

  /** Replaces the changed entries of the copied tables. Returns false if a name is declared twice. */
  private *replace(
    { removed, added, stale }: FileChanges,
    before: LinkedRegistry,
    files: readonly RegistryFile[],
    inPlace: boolean,
  ): Steps<boolean> {
    const { messages, enums, linkedMessages, linkedEnums, linkedFiles, linkedServices } = this.tables;
    for (const { declaration } of before.files) {
      const places = placesOf(declaration);
      if (places === undefined || !stale.has(places)) continue;
      for (const { fullName } of declaration.messages) linkedMessages.delete(fullName);
      for (const { fullName } of declaration.enums) linkedEnums.delete(fullName);
      for (const service of declaration.services) linkedServices.delete(service);
      linkedFiles.delete(places);
    }
    yield;
    for (const file of removed) {
      for (const { fullName } of file.messages) messages.delete(fullName);
      for (const { fullName } of file.enums) enums.delete(fullName);
    }
    let isRepeated = false;
    const repeated = ({ fullName }: Pick<Declared, 'fullName'>) => {
      if (!this.tables.repeated.has(fullName)) isRepeated = true;
    };
    for (const file of added) {
      for (const message of file.messages) this.declare(messages, message, repeated);
      for (const one of file.enums) this.declare(enums, one, repeated);
    }
    if (inPlace && serviceNames(removed) === serviceNames(added)) this.replaceServices(before, files, { added, stale });
    else yield* this.addServices(files, (fullName) => repeated({ fullName }));
    return !isRepeated;
  }

  /** Takes over the services of the earlier registry. The services of stale files are linked again. */
  private replaceServices(
    before: LinkedRegistry,
    files: readonly RegistryFile[],
    { added, stale }: Pick<FileChanges, 'added' | 'stale'>,
  ): void {
    const changed = new Set(added);
    const linked = new Map<string, Service>();
    this.files = files;
    this.methods = before.methods.copy();
    for (const { declaration, routed } of files) {
      const places = placesOf(declaration);
      if (!changed.has(declaration) && (places === undefined || !stale.has(places))) continue;
      for (const service of declaration.services) {
        // If several services have one name, only the first of them is linked.
        if (!changed.has(declaration) && !before.tables.linkedServices.has(service)) continue;
        const one = new Service(this.fileOf(service.places), service, declaration.name, routed);
        this.tables.linkedServices.set(service, one);
        linked.set(one.fullName, one);
      }
    }
    for (const service of before.services) {
      const one = linked.get(service.fullName);
      this.services.push(one ?? service);
      if (one === undefined) continue;
      for (const { fullName } of service.methods) this.methods.delete(fullName);
      for (const method of one.methods) this.methods.set(method.fullName, method);
    }
  }

  message(fullName: string): Message | undefined {
    const { messages, linkedMessages, extensions } = this.tables;
    const known = linkedMessages.get(fullName);
    if (known !== undefined) return known;
    const declaration = messages.get(fullName);
    if (declaration === undefined) return undefined;
    const message = new Message(this.fileOf(declaration.places), declaration, extensions.get(fullName) ?? []);
    linkedMessages.set(fullName, message);
    return message;
  }

  enum(fullName: string): Enum | undefined {
    const { enums, linkedEnums } = this.tables;
    const known = linkedEnums.get(fullName);
    if (known !== undefined) return known;
    const declaration = enums.get(fullName);
    if (declaration === undefined) return undefined;
    const linked = new Enum(declaration);
    linkedEnums.set(fullName, linked);
    return linked;
  }

  method(fullName: string): MethodDescriptor | undefined {
    return this.methods.get(fullName);
  }

  problems(message: MessageDescriptor): readonly Diagnostic[] {
    const declaration = this.tables.messages.get(message.fullName);
    return declaration === undefined ? [] : this.messageProblems.of(declaration);
  }

  find(reference: TypeReference, file: LinkedFile): LinkedType | undefined {
    const declaration = this.declarationOf(reference, file);
    return declaration && (this.message(declaration.fullName) ?? this.enum(declaration.fullName));
  }

  noteNeeds(message: MessageDeclaration): void {
    this.messageProblems.of(message);
  }

  private declarationOf(reference: TypeReference, user: LinkedFile): MessageDeclaration | EnumDeclaration | undefined {
    const fullName = this.resolve(reference);
    const found = fullName === undefined ? undefined : this.declared(fullName);
    if (found !== undefined) user.needs.add(found.places);
    return found;
  }

  /** Returns the link that the descriptors of a file share. If the next registry has taken it over, a new one replaces it. */
  private fileOf(places: Places): LinkedFile {
    const { linkedFiles } = this.tables;
    const known = linkedFiles.get(places);
    if (known?.isOf(this)) return known;
    const file = new LinkedFile(this, known);
    linkedFiles.set(places, file);
    return file;
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
    if (dot > 0 && !this.tables.inner.has(name.slice(0, dot))) return this.has(name);
    if (dot < 0 && this.scopes !== undefined) return nearest(scopeOf(this.scopes, scope), name);
    for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const found = this.has(nameIn(outer, name));
      if (found !== undefined || outer === '') return found;
    }
  }

  private declare<T extends Declared>(
    map: LayeredMap<string, T>,
    one: T,
    repeated: (one: T, earlier: Declared) => void,
  ): void {
    const { fullName } = one;
    const earlier = this.declared(fullName);
    if (earlier !== undefined) return repeated(one, earlier);
    const dot = fullName.lastIndexOf('.');
    const name = fullName.slice(dot + 1);
    if (dot > 0) this.tables.inner.add(name);
    if (this.scopes !== undefined)
      scopeOf(this.scopes, dot < 0 ? '' : fullName.slice(0, dot)).types.set(name, fullName);
    map.set(fullName, one);
  }

  private declared(fullName: string): MessageDeclaration | EnumDeclaration | undefined {
    return this.tables.messages.get(fullName) ?? this.tables.enums.get(fullName);
  }

  private has(fullName: string): string | undefined {
    return this.tables.messages.has(fullName) || this.tables.enums.has(fullName) ? fullName : undefined;
  }
}

/** Resolves a name of one part, as most names are, without building texts to look up. */
function nearest(scope: Scope, name: string): string | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const found = at.types.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function scopeOf(scopes: Map<string, Scope>, name: string): Scope {
  const known = scopes.get(name);
  if (known !== undefined) return known;
  const outer = name === '' ? undefined : scopeOf(scopes, name.slice(0, Math.max(0, name.lastIndexOf('.'))));
  const scope: Scope = { outer, types: new Map() };
  scopes.set(name, scope);
  return scope;
}
