/** This module loads grpc-js with the first upstream that uses it: most gateways have none, and loading takes time at every start. */
import { createRequire } from 'node:module';

type GrpcJs = typeof import('@grpc/grpc-js');

let loaded: GrpcJs | undefined;

export function grpcJs(): GrpcJs {
  loaded ??= createRequire(import.meta.url)('@grpc/grpc-js') as GrpcJs;
  return loaded;
}
