/**
 * This module packs a parsed schema into bytes for another process of this gateway, so that only one process parses it.
 * The comments and the exact positions of declarations are not packed: an unpacked declaration only knows its file.
 */
import { deserialize, serialize } from 'node:v8';
import type { FileDeclaration, Places } from './declaration.js';
import type { RegistryFile } from './registry.js';

/** Unpacks the files that another process of the same version has packed. It must never get bytes from outside. */
export function unpackFiles(bytes: Uint8Array): readonly RegistryFile[] {
  return (deserialize(bytes) as ReturnType<typeof packed>[]).map(({ declaration, routed }) => ({
    routed,
    declaration: unpacked(declaration),
  }));
}

export function packFiles(files: readonly RegistryFile[]): Uint8Array {
  return serialize(files.map(packed));
}

function packed({ declaration, routed }: RegistryFile) {
  const { name, messages, enums, services, extensions } = declaration;
  return {
    routed,
    declaration: {
      name,
      package: declaration.package,
      messages: messages.map(withoutPlaces),
      enums: enums.map(withoutPlaces),
      services: services.map(withoutPlaces),
      extensions: extensions.map(withoutPlaces),
    },
  };
}

function unpacked({ messages, enums, services, extensions, ...file }: ReturnType<typeof packed>['declaration']) {
  const places: Places = { position: () => ({ file: file.name }), comment: () => undefined };
  const withPlaces = <T>(one: T): T & { readonly places: Places } => ({ ...one, places });
  const declaration: FileDeclaration = {
    ...file,
    imports: [],
    messages: messages.map(withPlaces),
    enums: enums.map(withPlaces),
    services: services.map(withPlaces),
    extensions: extensions.map(withPlaces),
    diagnostics: [],
  };
  return declaration;
}

function withoutPlaces<T extends { readonly places: Places }>({ places: _, ...rest }: T): Omit<T, 'places'> {
  return rest;
}
