/**
 * This module turns the files of a parsed schema into plain data for another thread or process, so that only one parses them.
 * Their places are functions, which no other thread can get.
 */
import { deserialize, serialize } from 'node:v8';
import type { FileDeclaration, Places } from './declaration.js';
import { NO_OPTIONS } from './document-options.js';

/** A file without its places. */
export type PlainFile = ReturnType<typeof plainOf>;

/** Unpacks a file that another process of the same version has packed. It must never get bytes from outside. */
export function unpackFile(bytes: Uint8Array): FileDeclaration {
  const file = deserialize(bytes) as PlainFile;
  return withPlaces(file, {
    position: () => ({ file: file.name }),
    comment: () => undefined,
    documentOptions: () => NO_OPTIONS,
  });
}

/**
 * Packs a file for another process. Its imports, its problems, its comments and the exact positions of its declarations are not
 * packed: an unpacked declaration only knows its file.
 */
export function packFile(declaration: FileDeclaration): Uint8Array {
  return serialize({ ...plainOf(declaration), imports: [], diagnostics: [] } satisfies PlainFile);
}

export function plainOf({ messages, enums, services, extensions, ...file }: FileDeclaration) {
  return {
    ...file,
    messages: messages.map(withoutPlaces),
    enums: enums.map(withoutPlaces),
    services: services.map(withoutPlaces),
    extensions: extensions.map(withoutPlaces),
  };
}

export function withPlaces(
  { messages, enums, services, extensions, ...file }: PlainFile,
  places: Places,
): FileDeclaration {
  const placed = <T>(one: T): T & { readonly places: Places } => ({ ...one, places });
  return {
    ...file,
    messages: messages.map(placed),
    enums: enums.map(placed),
    services: services.map(placed),
    extensions: extensions.map(placed),
  };
}

function withoutPlaces<T extends { readonly places: Places }>({ places: _, ...rest }: T): Omit<T, 'places'> {
  return rest;
}
