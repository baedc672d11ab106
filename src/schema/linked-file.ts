/**
 * A LinkedFile is the link between the descriptors of one file and those of other files. Descriptors find each other only
 * through it, so that the next registry can take over the descriptors of a file that would be the same (`registry.ts`).
 */
import type { MessageDeclaration, Places, TypeReference } from './declaration.js';
import type { EnumDescriptor, FieldType, MessageDescriptor } from './descriptor.js';

/** A message or an enum. `typed` is the type of the fields that refer to it. */
export type LinkedType = (MessageDescriptor | EnumDescriptor) & { readonly typed: FieldType };

/** Finds types by name. */
export interface Types {
  /**
   * Returns the type that a reference in `file` means, and adds the file of the type to the `needs` of `file`. Undefined when
   * nothing has that name.
   */
  find(reference: TypeReference, file: LinkedFile): LinkedType | undefined;
  /** Finds all types that a message needs, directly or not, and so the `needs` of all files on the way. */
  noteNeeds(message: MessageDeclaration): void;
}

export class LinkedFile {
  /**
   * The files to whose types this file refers, each known by its {@link Places}. References of a message are in it once the
   * message is linked or checked. Then those of all messages inside of it are in the needs of their files too.
   */
  readonly needs: Set<Places>;

  /**
   * `earlier` is the link of the same file in an earlier registry, if the descriptors of the file were taken over from that.
   */
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

  /** Lets the file find types in `types` from now on. Each of its references must mean the same descriptor there as before. */
  moveTo(types: Types): void {
    this.types = types;
    this.earlier?.moveTo(types);
  }
}
