/**
 * This module checks files that occur several times under one import name: in two sets, in two folders, in a set and a folder.
 * The first one is used. A copy is harmless, even with other comments. If the content differs, what the first one lacks would
 * be lost.
 */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import type { ExtensionDeclaration, FileDeclaration, ServiceDeclaration, TypeReference } from './declaration.js';
import {
  type EnumDescriptor,
  type FieldDescriptor,
  LinkError,
  type MessageDescriptor,
  type MethodDescriptor,
  type Registry,
} from './descriptor.js';
import { plainOption } from './option-tree.js';
import { createRegistry, type RegistryFile } from './registry.js';

/** A file that is not used, because another one has the same name. `taken` is the one that is used. */
export interface OtherVersion {
  readonly declaration: FileDeclaration;
  /** The path of the descriptor set or the `.proto` file that it comes from. */
  readonly origin: string;
  readonly taken: FileDeclaration;
  readonly takenOrigin: string;
  /** True for the files that protogate bundles. Other versions of them are common, so a difference is only a warning. */
  readonly isBundled: boolean;
}

/**
 * Returns a problem for each version whose content differs from that of the file which is used. `files` are all files
 * that are used; `registry` is linked from them.
 */
export function versionProblems(
  others: readonly OtherVersion[],
  files: readonly RegistryFile[],
  registry: Registry,
): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const round of roundsOf(others)) {
    // If two files declare one name, the registry takes the declaration of the first file.
    const instead = round.map(({ declaration }) => ({ declaration, routed: false }));
    const linked = createRegistry([...instead, ...files]);
    for (const { declaration, origin, taken, takenOrigin, isBundled } of round) {
      const difference = differenceOf(contentOf(taken, registry), contentOf(declaration, linked));
      if (difference === undefined) continue;
      const text = `${declaration.name}: expected the same file in all inputs, but ${difference} differs in ${takenOrigin}, whose file is used`;
      diagnostics.push((isBundled ? warningAt : errorAt)({ file: origin }, 'duplicate-file', text));
    }
  }
  return diagnostics;
}

/** Splits the versions so that each name occurs once in a round: then the files of a round can be linked together. */
function roundsOf(others: readonly OtherVersion[]): readonly (readonly OtherVersion[])[] {
  const rounds: OtherVersion[][] = [];
  const seen = new Map<string, number>();
  for (const other of others) {
    const { name } = other.declaration;
    const round = seen.get(name) ?? 0;
    seen.set(name, round + 1);
    rounds[round] ??= [];
    rounds[round].push(other);
  }
  return rounds;
}

/** Returns the first name that only one of the two has, or whose text differs; undefined when there is none. */
function differenceOf(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string | undefined {
  for (const name of new Set([...a.keys(), ...b.keys()])) if (a.get(name) !== b.get(name)) return name;
  return undefined;
}

/**
 * Returns everything that a file declares: the text of each declaration by its full name, without positions and
 * comments.
 */
function contentOf(file: FileDeclaration, registry: Registry): ReadonlyMap<string, string> {
  const content = new Map<string, string>();
  for (const { fullName } of file.messages) note(fullName, plainMessage(registry.message(fullName)));
  for (const { fullName } of file.enums) note(fullName, plainEnum(registry.enum(fullName)));
  for (const service of file.services) note(service.fullName, plainService(service, registry));
  for (const extension of file.extensions) note(extension.fullName, plainExtension(extension));
  return content;

  function note(name: string, value: unknown): void {
    content.set(name, JSON.stringify(value, withoutPlaces));
  }
}

function withoutPlaces(key: string, value: unknown): unknown {
  return key === 'position' || key === 'positions' ? undefined : value;
}

function plainMessage(message: MessageDescriptor | undefined) {
  return [message?.messageSet, message?.fields.map(plainField)];
}

function plainField(field: FieldDescriptor) {
  const { name, jsonName, number, cardinality, mapKey, validateUtf8, deprecated, behavior, defaultText } = field;
  const plain = [name, jsonName, number, cardinality, mapKey, validateUtf8, deprecated, behavior, defaultText];
  return [...plain, field.oneof?.name, ...linked(() => [plainType(field), field.presence, field.packed])];
}

/** Returns what `read` returns; an empty list if it meets a type that no file declares. */
function linked(read: () => readonly unknown[]): readonly unknown[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof LinkError) return [];
    throw error;
  }
}

function plainType({ type }: FieldDescriptor) {
  if (type.kind === 'scalar') return type.scalar;
  return type.kind === 'enum' ? type.enum.fullName : [type.message.fullName, type.delimited];
}

function plainEnum(one: EnumDescriptor | undefined) {
  return [one?.closed, one?.values.map(({ name, number }) => [name, number])];
}

function plainService({ fullName, defaultPolicy, methods }: ServiceDeclaration, registry: Registry) {
  return [plainOption(defaultPolicy), methods.map(({ name }) => plainMethod(registry.method(`${fullName}/${name}`)))];
}

function plainMethod(method: MethodDescriptor | undefined) {
  if (method === undefined) return undefined;
  const { name, clientStreaming, serverStreaming, idempotency, deprecated, httpRule, policy, aggregate } = method;
  const plain = [name, clientStreaming, serverStreaming, idempotency, deprecated, httpRule];
  const options = [plainOption(policy), plainOption(aggregate)];
  return [...plain, ...options, ...linked(() => [method.input.fullName, method.output.fullName])];
}

/**
 * Returns an extension without its places. Of a type's name only the last part is kept, because `.proto` text and descriptor
 * sets write the rest in different ways.
 */
function plainExtension({ extendee, field: { number, cardinality, type } }: ExtensionDeclaration) {
  return [lastName(extendee), number, cardinality, typeof type === 'string' ? type : lastName(type)];
}

function lastName({ name }: TypeReference): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
