/**
 * This module loads grpc-js when the first upstream uses it. Most gateways have no such upstream, and loading it would make
 * every start slower.
 */
import { createRequire } from 'node:module';

type GrpcJs = typeof import('@grpc/grpc-js');

let loaded: GrpcJs | undefined;

export function grpcJs(): GrpcJs {
  loaded ??= createRequire(import.meta.url)('@grpc/grpc-js') as GrpcJs;
  return loaded;
}
