/**
 * The link between the descriptors of one file and those of other files. Descriptors find each other only through it, so that
 * the next registry can take over the descriptors of a file that would be the same (`registry.ts`).
 */
import type { MessageDeclaration, Places, TypeReference } from './declaration.js';
import type { EnumDescriptor, FieldType, MessageDescriptor } from './descriptor.js';

/** A message or an enum, with the type of the fields that refer to it. */
export type LinkedType = (MessageDescriptor | EnumDescriptor) & { readonly typed: FieldType };

/** Finds types by name. */
export interface Types {
  /** Returns what a reference in `file` means, and notes that the file needs it. Undefined when nothing has that name. */
  find(reference: TypeReference, file: LinkedFile): LinkedType | undefined;
  /** Notes everything that a message needs, directly or not. */
  noteNeeds(message: MessageDeclaration): void;
}

export class LinkedFile {
  /**
   * The places of the files to whose types this file refers, as far as its messages are linked or checked. When one is, the
   * files of the messages inside of it have their needs as well.
   */
  readonly needs: Set<Places>;

  /** `earlier` is the link of the same file in a registry whose descriptors another registry has taken over. */
  constructor(
    private types: Types,
    private readonly earlier?: LinkedFile,
  ) {
    this.needs = earlier?.needs ?? new Set();
  }

  find(reference: TypeReference): LinkedType | undefined {
    return this.types.find(reference, this);
  }

  noteNeeds(message: MessageDeclaration): void {
    this.types.noteNeeds(message);
  }

  isOf(types: Types): boolean {
    return this.types === types;
  }

  /** From now on the file finds types in `types`, where each of its references means the same descriptor as before. */
  moveTo(types: Types): void {
    this.types = types;
    this.earlier?.moveTo(types);
  }
}
