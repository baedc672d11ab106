/**
 * Carries a schema from the primary to its workers. A file that the workers have already is named by its number alone, so that
 * after a reload only the changed files are packed, sent and unpacked. Both sides do this in slices, because they serve.
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

/** The primary's side: packs the files of a schema for the workers. */
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

/** The worker's side: the schema that was received last, and its files. */
export interface Received {
  readonly schema: Schema;
  readonly byId: ReadonlyMap<number, FileDeclaration>;
}

/** Unpacks and links the files. `before` is what the worker has; undefined if it has nothing yet. */
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
