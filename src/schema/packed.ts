/**
 * A schema as bytes, for another process of this gateway: everything that was parsed, so that nobody parses it again.
 * Left behind are the comments and the places of messages and enums, which are read from files when somebody asks.
 */
import { deserialize, serialize } from 'node:v8';
import type { EnumDeclaration, FieldDeclaration, FileDeclaration, MessageDeclaration, Places } from './declaration.js';
import type { RegistryFile } from './registry.js';

/** Of what another process of the same version packed; never of bytes from outside. */
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
      messages: messages.map((message) => ({ ...withoutPlaces(message), fields: message.fields.map(withoutPlaces) })),
      enums: enums.map(withoutPlaces),
      services: services.map(withoutPlaces),
      extensions: extensions.map((extension) => ({ ...extension, field: withoutPlaces(extension.field) })),
    },
  };
}

function unpacked({ messages, enums, services, extensions, ...file }: ReturnType<typeof packed>['declaration']) {
  const places: Places = { position: () => ({ file: file.name }), comment: () => undefined };
  const fieldOf = (field: Omit<FieldDeclaration, 'places'>): FieldDeclaration => ({ ...field, places });
  const declaration: FileDeclaration = {
    ...file,
    imports: [],
    messages: messages.map(
      (message): MessageDeclaration => ({ ...message, places, fields: message.fields.map(fieldOf) }),
    ),
    enums: enums.map((one): EnumDeclaration => ({ ...one, places })),
    services: services.map((service) => ({ ...service, places })),
    extensions: extensions.map((extension) => ({ ...extension, field: fieldOf(extension.field) })),
    diagnostics: [],
  };
  return declaration;
}

function withoutPlaces<T extends { readonly places: Places }>({ places: _, ...rest }: T): Omit<T, 'places'> {
  return rest;
}
