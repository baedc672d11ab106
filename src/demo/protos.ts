/**
 * Loads the protos of the demo when it starts, so that no code need be generated. Messages are plain objects with names in
 * camelCase. 64-bit numbers and enums are strings, and an Any is an object with `@type`.
 */
import { fileURLToPath } from 'node:url';
import { load, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';

/** The folder with google/api, google/type and google/rpc in this package. */
const packageProtos = fileURLToPath(new URL('../../../protos', import.meta.url));
/** The import root of the shop's own protos. */
export const shopProtos = fileURLToPath(new URL('../../../protos/demo', import.meta.url));

const files = [
  'shop/v1/customers.proto',
  'shop/v1/orders.proto',
  'shop/v1/catalog.proto',
  'shop/v1/analytics.proto',
  'shop/v1/support.proto',
  // These files define the details of errors. No service imports them.
  'google/rpc/status.proto',
  'google/rpc/error_details.proto',
];

/** The loaded protos, with the functions that servers and clients need. */
export interface Protos {
  service(name: string): ServiceDefinition;
  encode(type: string, message: object): Buffer;
  decode(type: string, bytes: Buffer): object;
}

/** Loads the protos of the shop. Rejects when a file is missing or invalid. */
export async function loadProtos(): Promise<Protos> {
  const definitions = await load(files, {
    includeDirs: [shopProtos, packageProtos],
    longs: String,
    enums: String,
    defaults: true,
  });
  const message = (name: string) => {
    const definition = definitions[name] as MessageTypeDefinition<object, object> | undefined;
    if (definition === undefined) throw new Error(`the demo's protos: expected a message ${name}`);
    return definition;
  };
  return {
    service(name) {
      const definition = definitions[name];
      if (definition === undefined) {
        throw new Error(`the demo's protos: expected a service ${name}`);
      }
      return definition as ServiceDefinition;
    },
    encode: (type, value) => message(type).serialize(value),
    decode: (type, bytes) => message(type).deserialize(bytes),
  };
}
