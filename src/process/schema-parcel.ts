/**
 * Carries a schema from the primary process to its workers. For a file that the workers have already, only its number is sent,
 * so after a reload only the changed files are packed, sent and unpacked. Both sides work in slices, to serve other work in
 * between.
 */
import type { Steps } from '../base/slices.js';
import type { FileDeclaration } from '../schema/declaration.js';
import { packFile, unpackFile } from '../schema/packed.js';
import type { RegistryFile } from '../schema/registry.js';
import { linkedSchema, type Schema } from '../schema/source.js';

/** A file of a schema. `bytes` is undefined if the receiver has the file. */
export interface PackedFile {
  readonly id: number;
  readonly routed: boolean;
  readonly bytes: Uint8Array | undefined;
}

/** Packs files in the primary process. A file keeps its number as long as it does not change. */
export class Sender {
  private readonly ids = new WeakMap<FileDeclaration, number>();
  private lastId = 0;

  /** Packs all files, for a worker that has none. */
  *pack(files: readonly RegistryFile[]): Steps<readonly PackedFile[]> {
    const packed: PackedFile[] = [];
    for (const { declaration, routed } of files) {
      yield;
      packed.push({ id: this.idOf(declaration), routed, bytes: packFile(declaration) });
    }
    return packed;
  }

  /** Packs the files that are not among `known`, for workers that have those. */
  *packChanges(files: readonly RegistryFile[], known: readonly RegistryFile[]): Steps<readonly PackedFile[]> {
    const had = new Set(known.map(({ declaration }) => declaration));
    const packed: PackedFile[] = [];
    for (const { declaration, routed } of files) {
      yield;
      const bytes = had.has(declaration) ? undefined : packFile(declaration);
      packed.push({ id: this.idOf(declaration), routed, bytes });
    }
    return packed;
  }

  private idOf(declaration: FileDeclaration): number {
    const id = this.ids.get(declaration) ?? ++this.lastId;
    this.ids.set(declaration, id);
    return id;
  }
}

/** The schema that a worker has received last, and its files by their numbers. */
export interface Received {
  readonly schema: Schema;
  readonly byId: ReadonlyMap<number, FileDeclaration>;
}

/** Unpacks and links the files. `before` is the result for the schema before this one; undefined for the first one. */
export function* receive(files: readonly PackedFile[], before: Received | undefined): Steps<Received> {
  const byId = new Map<number, FileDeclaration>();
  const unpacked: RegistryFile[] = [];
  for (const { id, routed, bytes } of files) {
    yield;
    const declaration = byId.get(id) ?? (bytes === undefined ? before?.byId.get(id) : unpackFile(bytes));
    if (declaration === undefined) throw new Error(`file ${id} of the schema: expected its content, got none`);
    byId.set(id, declaration);
    unpacked.push({ declaration, routed });
  }
  return { schema: yield* linkedSchema(unpacked, before?.schema), byId };
}
